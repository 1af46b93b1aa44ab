import { Agent, request } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';
import { eventually } from '../support/barrier.js';
import { FIRST_ACCOUNTS_ENV, FIRST_ADMIN } from '../support/first-accounts.js';
import { login } from '../support/client.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { freePort } from '../support/ports.js';
import { processEnv, startService, type ServiceProcess } from '../support/service-process.js';

/** Starting a process compiles the sources. */
const SLOW = 120_000;

let database: TestDatabase;
let dataDir: string;
const services: ServiceProcess[] = [];

async function open(): Promise<void> {
  database = await createTestDatabase();
  dataDir = mkdtempSync(join(tmpdir(), 'postern-life-'));
}

async function close(): Promise<void> {
  for (const service of services.splice(0)) await service.end('SIGKILL');
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function start(env: Record<string, string> = {}): Promise<ServiceProcess> {
  const service = await startService(
    processEnv({ DATABASE_URL: database.url, DATA_DIR: dataDir, ...FIRST_ACCOUNTS_ENV, ...env }),
  );
  services.push(service);
  return service;
}

async function statusOf(service: ServiceProcess, path: string): Promise<number> {
  const response = await fetch(`${service.url}${path}`);
  await response.arrayBuffer();
  return response.status;
}

describe('the start', () => {
  let misconfigured: ServiceProcess;
  let shutOut: ServiceProcess;
  let unfit: ServiceProcess;
  let waiting: ServiceProcess;
  let redis: RedisServer;

  // At once: each takes seconds.
  beforeAll(async () => {
    await open();
    redis = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    const wrongPassword = new URL(database.url);
    wrongPassword.password = 'wrong-and-not-repeated';
    [misconfigured, shutOut, unfit, waiting] = await Promise.all([
      start({ PORT: 'eighty', SECRET_KEY: 'hush-hush', TRUTH_LEASE_MS: '7' }),
      start({ DATABASE_URL: wrongPassword.href }),
      start({ REDIS_URL: redis.url }),
      start({ DATABASE_URL: `postgres://postern:x@127.0.0.1:${await freePort()}/postern` }),
    ]);
  }, SLOW);
  afterAll(async () => {
    await close();
    await redis.stop();
  }, SLOW);

  it(
    'names every problem of the configuration on a line of its own and exits 1, values unsaid',
    async () => {
      expect(await misconfigured.exit).toBe(1);
      expect(misconfigured.stderr().trim().split('\n').toSorted()).toEqual([
        expect.stringMatching(/^PORT: /),
        expect.stringMatching(/^SECRET_KEY: /),
        expect.stringMatching(/^TRUTH_LEASE_MS: /),
      ]);
      expect(misconfigured.stdout() + misconfigured.stderr()).not.toMatch(/eighty|hush/);
    },
    SLOW,
  );

  it(
    'waits for a Postgres that is away, says so, and stops when it is told to meanwhile',
    async () => {
      await eventually(() => waiting.stdout().includes('waiting for the database'), SLOW);
      expect(waiting.stdout()).toContain('ECONNREFUSED');
      expect(await waiting.end('SIGTERM')).toBe(0);
    },
    SLOW,
  );

  it(
    'does not wait for what waiting cannot mend',
    async () => {
      expect(await shutOut.exit).toBe(1);
      expect(shutOut.stderr()).toMatch(/^DATABASE_URL: password authentication failed/);
      expect(shutOut.stdout() + shutOut.stderr()).not.toContain('not-repeated');
    },
    SLOW,
  );

  it(
    'refuses a Redis that may drop sessions',
    async () => {
      expect(await unfit.exit).toBe(1);
      expect(unfit.stderr()).toMatch(/^REDIS_URL: maxmemory-policy is allkeys-lru/);
    },
    SLOW,
  );

  it(
    'waits un-ready for a Redis that is away, and refuses it when it comes unfit',
    async () => {
      const port = await freePort();
      const service = await start({ REDIS_URL: `redis://127.0.0.1:${port}` });
      await service.listening();
      expect(await statusOf(service, '/readyz')).toBe(503);
      const redis = await startRedis({ port });
      await service.ready();
      expect((await login(service.url, FIRST_ADMIN)).accesstoken).toMatch(/^act_/);
      await redis.stop();
      const unfit = await startRedis({ port, args: ['--maxmemory-policy', 'allkeys-lru'] });
      expect(await service.exit).toBe(1);
      expect(service.stderr()).toMatch(/^REDIS_URL: maxmemory-policy/);
      await unfit.stop();
    },
    SLOW,
  );
});

describe('a service that runs', () => {
  let service: ServiceProcess;

  beforeAll(async () => {
    await open();
    service = await start({ DRAIN_SECONDS: '6' });
    await service.ready();
  }, SLOW);
  afterAll(close, SLOW);

  it('has all of its connections to Postgres before anybody calls', async () => {
    const looker = new pg.Client({ connectionString: database.url });
    await looker.connect();
    const { rows } = await looker.query(
      `SELECT count(*)::int AS open FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'postern'`,
    );
    await looker.end();
    // Ten of the pool and the heartbeat's own; the one that prepared the database may still be ending.
    expect(rows[0].open).toBeGreaterThanOrEqual(11);
  });

  it(
    'keeps its port: who comes second says that it is taken and exits 1',
    async () => {
      const { port } = new URL(service.url);
      const second = await start({ PORT: port });
      expect(await second.exit).toBe(1);
      expect(second.stderr()).toBe(`PORT: ${port} is in use on 127.0.0.1\n`);
    },
    SLOW,
  );

  it(
    'does not end because Postgres is lost: all back ends killed, and it serves again by itself',
    async () => {
      const as = await login(service.url, FIRST_ADMIN);
      const me = async () => {
        const headers = { 'x-user-id': as.userid, authorization: `Bearer ${as.accesstoken}` };
        const response = await fetch(`${service.url}/v1/users/me`, { headers });
        await response.arrayBuffer();
        return response.status;
      };
      // Several connections of the pool, some idle and some in use.
      await Promise.all(Array.from({ length: 8 }, me));
      const killer = new pg.Client({ connectionString: database.url });
      await killer.connect();
      for (let round = 0; round < 3; round += 1) {
        const calls = Array.from({ length: 8 }, me);
        await killer.query(
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
        );
        for (const status of await Promise.all(calls)) expect([200, 503]).toContain(status);
        await eventually(async () => (await me()) === 200);
      }
      await killer.end();
      expect(service.child.exitCode).toBeNull();
    },
    SLOW,
  );

  it(
    'is un-ready as soon as it is told to stop, serves for DRAIN_SECONDS, asking for new connections, and refuses afterwards',
    async () => {
      service.child.kill('SIGTERM');
      await eventually(async () => (await statusOf(service, '/readyz')) === 503);
      const answer = await login(service.url, FIRST_ADMIN);
      const me = await fetch(`${service.url}/v1/users/me`, {
        headers: { 'x-user-id': answer.userid, authorization: `Bearer ${answer.accesstoken}` },
      });
      expect([me.status, me.headers.get('connection')]).toEqual([200, 'close']);
      await me.arrayBuffer();
      expect(await service.exit).toBe(0);
      await expect(statusOf(service, '/livez')).rejects.toThrow();
      expect(service.stderr()).toBe('');
    },
    SLOW,
  );
});

describe('another lease', () => {
  beforeAll(open, SLOW);
  afterAll(close, SLOW);

  it(
    'takes over in development, and in production names the command and exits 1',
    async () => {
      const first = await start();
      await first.ready();
      const other = await start({ TRUTH_LEASE_MS: '600' });
      await other.ready();
      // The first one has no lease any more and must not go on.
      expect(await first.exit).toBe(1);
      expect(first.stderr()).toContain('npm run admin -- new-generation');
      const production = await start({
        NODE_ENV: 'production',
        TRUTH_LEASE_MS: '700',
        PASSWORD_ITERATIONS: '220000',
        SESSION_STORE: 'postgres',
        WEB_ORIGINS: 'https://postern.example',
      });
      expect(await production.exit).toBe(1);
      expect(production.stderr()).toMatch(/in force are 600 and postgres; .* npm run admin -- new-generation\n$/);
      // It goes on; so short a lease may have run out for a moment.
      await other.ready();
    },
    SLOW,
  );
});

describe('the end', () => {
  beforeEach(open, SLOW);
  afterEach(close, SLOW);

  /** A login that hashes for about half a second, and on a slow machine for less than the 5 s that a request has. */
  const SLOW_HASH = { PASSWORD_ITERATIONS: '600000' };

  it(
    'answers what runs, closes kept connections and exits 0; a second signal changes nothing',
    async () => {
      const service = await start(SLOW_HASH);
      await service.ready();
      const agent = new Agent({ keepAlive: true });
      const idle = await closingOf(service, agent);
      const running = login(service.url, FIRST_ADMIN);
      await eventually(isHashing);
      service.child.kill('SIGTERM');
      service.child.kill('SIGINT');
      service.child.kill('SIGTERM');
      expect((await running).accesstoken).toMatch(/^act_/);
      await idle.closed;
      expect(await service.exit).toBe(0);
      agent.destroy();
    },
    SLOW,
  );
});

/** A login has counted its hash, which it does just before. */
async function isHashing(): Promise<boolean> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rowCount } = await client.query(`SELECT 1 FROM limits WHERE key LIKE '%hash-token%'`);
  await client.end();
  return rowCount === 1;
}

/** Makes one call on a connection that is then kept; what it gives resolves when the service closes it. */
async function closingOf(service: ServiceProcess, agent: Agent): Promise<{ closed: Promise<void> }> {
  return new Promise((resolve, reject) => {
    const call = request(`${service.url}/livez`, { agent });
    let closed!: () => void;
    const closing = new Promise<void>((done) => (closed = done));
    call.once('socket', (socket) => socket.once('close', closed));
    call.once('error', reject);
    call.once('response', (response) => {
      response.resume();
      response.once('end', () => resolve({ closed: closing }));
    });
    call.end();
  });
}
