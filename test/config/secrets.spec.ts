import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, VARIABLES } from '../../src/config/env.js';
import { makeToken, formatToken } from '../../src/common/secret-token.js';
import { APITOKEN, blamed, inProduction, load, PEPPER, problemsOf, SECRETS } from './environments.js';

const KEY = 'n5Vd0aQw8Zx2Lk7Tb4Ry9Uc1Pf6Hs3Jm';

it('the table marks exactly the secrets of the contract', () => {
  const marked = Object.entries(VARIABLES).flatMap(([name, variable]) => ('secretParts' in variable ? [name] : []));
  expect(marked.sort()).toEqual([...SECRETS].sort());
});

describe('NAME_FILE', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'postern-config-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  const file = (content: string | Buffer) => {
    const path = join(folder, `${Math.trunc(performance.now() * 1000)}`);
    writeFileSync(path, content);
    return path;
  };

  it('gives every secret, without the line end', () => {
    const secrets = {
      DATABASE_URL: 'postgres://u:hZ4rPq8x@localhost/x',
      REDIS_URL: 'redis://localhost:6379',
      SECRET_KEY: KEY,
      PASSWORD_PEPPER: PEPPER,
      BOOTSTRAP_ADMIN_PASSWORD: 'seventeen brown owls',
      BOOTSTRAP_ADMIN_APITOKEN: APITOKEN,
      BOOTSTRAP_APP_PASSWORD: 'eighteen brown owls',
      BOOTSTRAP_APP_APITOKEN: formatToken('apt', makeToken()),
    };
    expect(Object.keys(secrets).sort()).toEqual([...SECRETS].sort());
    const direct = load(secrets);
    for (const end of ['', '\n', '\r\n']) {
      const files = Object.entries(secrets).map(([name, value]) => [`${name}_FILE`, file(`${value}${end}`)]);
      expect(load(Object.fromEntries(files))).toEqual(direct);
    }
  });

  it('is for secrets only', () => {
    expect(load({ PORT_FILE: file('4000') }).port).toBe(3000);
  });

  it.each(SECRETS)('beside %s is one too many', (name) => {
    const problems = problemsOf({ [name]: KEY, [`${name}_FILE`]: file(KEY) });
    expect(problems).toEqual([`${name}: is given twice, here and by ${name}_FILE`]);
  });

  it.each([
    ['is missing', () => join(folder, 'nobody'), /ENOENT/],
    ['is a folder', () => folder, /EISDIR/],
    ['is empty', () => file('\n'), /is empty/],
    ['holds raw bytes', () => file(Buffer.alloc(40, 0xff)), /not UTF-8/],
    ['holds two lines', () => file(`${KEY}\n${KEY}\n`), /one line/],
    ['holds a NUL', () => file(`${KEY}\0`), /control characters/],
    ['has no name', () => '', /SECRET_KEY_FILE is empty/],
  ])('that %s is a problem of its variable', (_, path, message) => {
    expect(problemsOf({ SECRET_KEY_FILE: path() })).toEqual([expect.stringMatching(/^SECRET_KEY: /)]);
    expect(problemsOf({ SECRET_KEY_FILE: path() })[0]).toMatch(message);
  });

  it('is read by what the caller gives', () => {
    const readFile = (path: string) => `${KEY}${path}\n`;
    expect(loadConfig({ SECRET_KEY_FILE: '/run/x' }, { readFile }).secretKey).toBe(`${KEY}/run/x`);
  });
});

describe('placeholders in production', () => {
  const weak = ['changeme', 'CHANGE_ME', 'secret', 'Password', 'password123', 'example', '<password>', 'your-password'];

  it.each(weak)('%s guards no database and no Redis', (word) => {
    const password = encodeURIComponent(word);
    const urls = {
      DATABASE_URL: `postgres://u:${password}@localhost/x`,
      REDIS_URL: `redis://:${password}@localhost`,
    };
    expect(blamed(inProduction(urls))).toEqual(['DATABASE_URL', 'REDIS_URL']);
    expect(problemsOf(urls)).toEqual([]);
    const byQuery = { DATABASE_URL: `postgres://u@localhost/x?password=${password}` };
    expect(blamed(inProduction(byQuery))).toEqual(['DATABASE_URL']);
  });

  it.each([
    ['SECRET_KEY', 'changeme'.repeat(4)],
    ['SECRET_KEY', 'your-super-secret-key-goes-here'.replace('goes-', '') + '-change-me'],
    ['SECRET_KEY', '0'.repeat(64)],
    ['SECRET_KEY', '<put your own key of 32 bytes here>'],
    ['SECRET_KEY', '${SECRET_KEY_OF_THE_SERVICE_UNSET}'],
    ['PASSWORD_PEPPER', `p1:${Buffer.alloc(32).toString('base64')}`],
    ['PASSWORD_PEPPER', `${PEPPER},p0:${Buffer.alloc(32).toString('base64')}`],
  ])('%s=%s', (name, value) => {
    expect(blamed(inProduction({ [name]: value }))).toEqual([name]);
    expect(problemsOf({ [name]: value })).toEqual([]);
  });

  it.each([
    ['BOOTSTRAP_ADMIN_PASSWORD', 'please-insert-your-token-here'],
    ['BOOTSTRAP_ADMIN_APITOKEN', `${APITOKEN.slice(0, 37)}${'A'.repeat(43)}`],
  ])('%s=%s', (name, value) => {
    const admin = {
      BOOTSTRAP_ADMIN_USERNAME: 'root',
      BOOTSTRAP_ADMIN_PASSWORD: 'seventeen brown owls',
      BOOTSTRAP_ADMIN_APITOKEN: APITOKEN,
    };
    expect(problemsOf(inProduction(admin))).toEqual([]);
    expect(blamed(inProduction({ ...admin, [name]: value }))).toEqual([name]);
    expect(problemsOf({ ...admin, [name]: value })).toEqual([]);
  });

  it.each([
    ['begins with < and ends with >', [0x3c, 0x3e]],
    ['has ${ and } in it', [0x24, 0x7b, 0x7d]],
  ])('are not seen in a key that %s by chance', (_what, marks) => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
    key.set(marks.slice(0, -1));
    key.set(marks.slice(-1), 31);
    expect(problemsOf(inProduction({ PASSWORD_PEPPER: `p:${key.toString('base64')}` }))).toEqual([]);
  });

  it('are never mistaken: a thousand real tokens and keys pass', () => {
    for (let round = 0; round < 1000; round += 1) {
      const token = makeToken();
      const env = {
        BOOTSTRAP_APP_USERNAME: 'mobile',
        BOOTSTRAP_APP_PASSWORD: token.id,
        BOOTSTRAP_APP_APITOKEN: formatToken('apt', token),
        SECRET_KEY: token.secret,
        PASSWORD_PEPPER: `p:${Buffer.from(token.secret, 'base64url').toString('base64')}`,
      };
      expect(problemsOf(inProduction(env))).toEqual([]);
    }
  });
});
