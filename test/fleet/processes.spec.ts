import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';
import { createTestRedis, type TestRedis } from '../setup/test-redis.js';
import { eventually } from '../support/barrier.js';
import { login, type TokenLogin } from '../support/client.js';
import { FIRST_ACCOUNTS_ENV, FIRST_ADMIN } from '../support/first-accounts.js';
import { KeptConnection, Load } from '../support/load.js';
import { processEnv, startService, type ServiceProcess } from '../support/service-process.js';

/** Starting a process compiles the sources. */
const SLOW = 400_000;
/** Until the slowest machine has started a process. */
const PATIENCE_MS = 180_000;

/** What the first one says of each that it starts. */
const STARTED = /^process (\d+) is started$/;

let database: TestDatabase;
let redis: TestRedis;
let dataDir: string;
const services: ServiceProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  redis = await createTestRedis();
  dataDir = mkdtempSync(join(tmpdir(), 'postern-processes-'));
});
afterEach(async () => {
  for (const service of services.splice(0)) await service.end('SIGKILL');
  await redis.stop();
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}, node?: string): Promise<ServiceProcess> {
  // Long: a machine that is busy with starting processes must not lose it.
  const lease = { TRUTH_LEASE_MS: '10000' };
  const common = { DATABASE_URL: database.url, DATA_DIR: dataDir, WEB_CONCURRENCY: '2', ...FIRST_ACCOUNTS_ENV };
  const store: Record<string, string> = env['SESSION_STORE'] === 'postgres' ? {} : { REDIS_URL: redis.url };
  const service = await startService(processEnv({ ...common, ...lease, ...store, ...env }), 'src/main.ts', node);
  services.push(service);
  await service.ready();
  await eventually(() => listening(service).length >= Number(env['WEB_CONCURRENCY'] ?? 2), PATIENCE_MS);
  // The first one listened before it was ready, the others did not.
  await eventually(async () => (await readiness(service, 8)).every((status) => status === 200), PATIENCE_MS);
  return service;
}

/** Calls as a browser makes them, and writes on a connection of their own: they wait for each other anyway. */
async function startLoad(
  service: ServiceProcess,
): Promise<{ end(): Promise<string[]>; more(count: number): Promise<void> }> {
  const as: TokenLogin = await login(service.url, FIRST_ADMIN);
  const headers = { 'x-user-id': as.userid, authorization: `Bearer ${as.accesstoken}` };
  const reads = new Load(service.url, [
    { path: '/v1/auth/check', headers },
    { path: '/v1/users/me', headers },
  ]);
  const write = { method: 'PUT', path: `/v1/users/${as.userid}/roles/admin`, headers };
  const writes = new Load(service.url, [write], undefined, 1);
  const end = async () => Object.keys({ ...(await reads.end()), ...(await writes.end()) }).toSorted();
  const more = async (count: number) => {
    const before = reads.count;
    await eventually(() => reads.count >= before + count);
  };
  return { end, more };
}

describe('several processes on one port', () => {
  it(
    'fail no request of a rolling restart, and are other ones afterwards',
    async () => {
      const service = await start({ DRAIN_SECONDS: '1' });
      const before = listening(service);
      const load = await startLoad(service);
      service.child.kill('SIGUSR2');
      await eventually(() => said(service, 'rolling restart of 2 processes'), PATIENCE_MS);
      service.child.kill('SIGUSR2');
      await eventually(() => said(service, 'SIGUSR2 changes nothing'), PATIENCE_MS);
      await eventually(() => said(service, 'rolling restart: done'), PATIENCE_MS);
      expect(await load.end()).toEqual(['200', '204']);
      await eventually(() => listening(service).length === before.length + 2);
      const after = listening(service).filter((pid) => !before.includes(pid));
      expect(after).toHaveLength(2);
      for (const pid of before) expect(isAlive(pid)).toBe(false);
      for (const pid of after) expect(isAlive(pid)).toBe(true);
      expect(await service.end('SIGTERM')).toBe(0);
      for (const pid of after) expect(isAlive(pid)).toBe(false);
    },
    SLOW,
  );

  it(
    'replace one that died after a growing wait, and the new one answers nothing before it is ready',
    async () => {
      const begun = performance.now();
      const service = await start();
      for (const waitMs of [1000, 2000]) {
        // The youngest: one that has lived for a minute did not die of how it was started, and is replaced sooner.
        const victim = listening(service).findLast(isAlive);
        const count = listening(service).length;
        process.kill(victim!, 'SIGKILL');
        const told = `process ${victim} has died (SIGKILL): another one is started in`;
        await eventually(() => said(service, told));
        // One that has lived for a minute, on a very slow machine, did not die of how it was started.
        if (performance.now() - begun < 60_000) expect(said(service, `${told} ${waitMs} ms`)).toBe(true);
        const load = await startLoad(service);
        await eventually(() => listening(service).length === count + 1, PATIENCE_MS);
        await load.more(200);
        expect(await load.end()).toEqual(['200', '204']);
      }
      expect(await service.end('SIGTERM')).toBe(0);
      for (const pid of listening(service)) expect(isAlive(pid)).toBe(false);
    },
    SLOW,
  );

  it(
    'answer that they are not ready where none is',
    async () => {
      const port = redis.server!.port;
      await redis.stop();
      const service = await startService(
        processEnv({
          DATABASE_URL: database.url,
          DATA_DIR: dataDir,
          REDIS_URL: `redis://127.0.0.1:${port}`,
          WEB_CONCURRENCY: '2',
        }),
      );
      services.push(service);
      await service.listening();
      expect((await fetch(`${service.url}/readyz`)).status).toBe(503);
      expect(await service.end('SIGTERM')).toBe(0);
    },
    SLOW,
  );

  it(
    'end together where none may go on',
    async () => {
      const service = await start({ SESSION_STORE: 'postgres' });
      const other = await startService(
        processEnv({ DATABASE_URL: database.url, DATA_DIR: dataDir, SESSION_STORE: 'postgres', TRUTH_LEASE_MS: '600' }),
      );
      services.push(other);
      await other.ready();
      expect(await service.exit).toBe(1);
      expect(service.stderr()).toContain('npm run admin -- new-generation');
      expect(service.stderr()).toContain('a process could not go on');
    },
    SLOW,
  );
});

describe('several processes, when one cannot be started', () => {
  it(
    'go on, try again, and keep the old ones in a rolling restart',
    async () => {
      const node = join(dataDir, 'node');
      copyFileSync(process.execPath, node);
      const service = await start({ DRAIN_SECONDS: '0' }, node);
      const [victim, survivor] = started(service);
      renameSync(node, `${node}-away`);
      process.kill(victim!, 'SIGKILL');
      // Of the one that died, and of the one that could not take its place.
      await eventually(() => said(service, `process ${victim} has died (SIGKILL): another one is started in 1000 ms`));
      await eventually(() => said(service, 'ENOENT): another one is started in 2000 ms'));
      service.child.kill('SIGUSR2');
      await eventually(() => said(service, 'rolling restart: given up'), PATIENCE_MS);
      expect(isAlive(survivor!)).toBe(true);
      expect(await readiness(service, 4)).toEqual([200, 200, 200, 200]);
      renameSync(`${node}-away`, node);
      await eventually(() => listening(service).length === 3, PATIENCE_MS);
      expect(started(service).filter(isAlive)).toHaveLength(2);
      expect(await service.end('SIGTERM')).toBe(0);
    },
    SLOW,
  );
});

describe('several processes in a rolling restart', () => {
  it(
    'start no new one where all are to end meanwhile',
    async () => {
      const service = await start({ DRAIN_SECONDS: '3' });
      const [first, second] = started(service);
      service.child.kill('SIGUSR2');
      await eventually(() => saidBy(service, first!, 'SIGTERM: stopping'), PATIENCE_MS);
      // Held, so that the first one is gone well before the service is.
      process.kill(second!, 'SIGSTOP');
      service.child.kill('SIGTERM');
      await eventually(() => !isAlive(first!), PATIENCE_MS);
      process.kill(second!, 'SIGCONT');
      expect(await service.exit).toBe(0);
      expect(started(service)).toHaveLength(3);
      expect(started(service).filter(isAlive)).toEqual([]);
    },
    SLOW,
  );

  it(
    'are as many as before where one had died, and refuse nobody while one alone hands over',
    async () => {
      const service = await start({ DRAIN_SECONDS: '1' });
      const before = started(service);
      process.kill(before[1]!, 'SIGKILL');
      await eventually(() => said(service, `process ${before[1]} has died`));
      service.child.kill('SIGUSR2');
      const load = await startLoad(service);
      await eventually(() => said(service, 'rolling restart: done'), PATIENCE_MS);
      await eventually(() => listening(service).filter(isAlive).length === 2, PATIENCE_MS);
      expect(await load.end()).toEqual(['200', '204']);
      expect(
        started(service)
          .filter((pid) => !before.includes(pid))
          .filter(isAlive),
      ).toHaveLength(2);
      // Where the dead one was replaced before the signal came, its successor has had its turn too.
      const told = lines(service).map(({ msg }) => msg ?? '');
      const restart = told.findIndex((msg) => msg.startsWith('rolling restart of'));
      const atSignal = told.slice(0, restart).filter((msg) => STARTED.test(msg)).length;
      expect(started(service)).toHaveLength(atSignal + 2);
      expect(await service.end('SIGTERM')).toBe(0);
    },
    SLOW,
  );

  it(
    'are as many as before where one dies that had its turn before it',
    async () => {
      const service = await start({ DRAIN_SECONDS: '3', WEB_CONCURRENCY: '3' });
      const before = started(service);
      service.child.kill('SIGUSR2');
      await eventually(() => saidBy(service, before[0]!, 'SIGTERM: stopping'), PATIENCE_MS);
      process.kill(before[2]!, 'SIGKILL');
      await eventually(() => said(service, 'rolling restart: done'), PATIENCE_MS);
      // One for each: two in turn, and one for the dead.
      await eventually(() => listening(service).length === 6, PATIENCE_MS);
      expect(started(service)).toHaveLength(6);
      expect(started(service).filter(isAlive)).toEqual(started(service).slice(3));
      expect(await service.end('SIGTERM')).toBe(0);
    },
    SLOW,
  );
});

describe('several processes, when one hangs', () => {
  it(
    'replace it, and end without it',
    async () => {
      const service = await start({ DRAIN_SECONDS: '0' });
      const [hung, other] = started(service);
      process.kill(hung!, 'SIGSTOP');
      await eventually(() => said(service, `process ${hung} has died (SIGKILL)`), PATIENCE_MS);
      expect(said(service, `process ${hung} did not answer 6 questions in turn: SIGKILL`)).toBe(true);
      await eventually(() => listening(service).length === 3, PATIENCE_MS);
      process.kill(other!, 'SIGSTOP');
      expect(await service.end('SIGTERM')).toBe(0);
      expect(said(service, `process ${other} did not end within 26000 ms: SIGKILL`)).toBe(true);
      expect(started(service).filter(isAlive)).toEqual([]);
    },
    SLOW,
  );
});

describe('several processes whose first one is killed', () => {
  it(
    'answer what they have, and end',
    async () => {
      // Long enough for one more call, however busy the machine is.
      const service = await start({ DRAIN_SECONDS: '8' });
      const kept = new KeptConnection(service.url);
      expect((await kept.call({ path: '/livez' })).outcome).toBe('200');
      service.child.kill('SIGKILL');
      for (const pid of started(service)) await eventually(() => saidBy(service, pid, 'the first process is gone'));
      expect((await kept.call({ path: '/livez' })).outcome).toBe('200');
      kept.close();
      await eventually(() => !started(service).some(isAlive), PATIENCE_MS);
      for (const pid of started(service)) await eventually(() => saidBy(service, pid, 'SIGTERM: stopping'));
    },
    SLOW,
  );
});

describe('a process alone', () => {
  it(
    'goes on where a rolling restart is asked for, and says that there is none',
    async () => {
      const service = await start({ WEB_CONCURRENCY: '1' });
      service.child.kill('SIGUSR2');
      await eventually(() => said(service, 'there is nothing to restart'));
      expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    },
    SLOW,
  );
});

/** What as many questions in turn are answered, by one process after the other. */
async function readiness(service: ServiceProcess, times: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const answer = await fetch(`${service.url}/readyz`, { headers: { connection: 'close' } });
    await answer.arrayBuffer();
    statuses.push(answer.status);
  }
  return statuses;
}

function lines(service: ServiceProcess): { msg?: string; pid?: number }[] {
  // What stands after the last end of a line is still being written.
  return service
    .stdout()
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as { msg?: string });
}

function said(service: ServiceProcess, text: string): boolean {
  return lines(service).some(({ msg }) => msg?.includes(text));
}

function saidBy(service: ServiceProcess, by: number, text: string): boolean {
  return lines(service).some(({ msg, pid }) => pid === by && msg?.includes(text));
}

/** Those that were started, in turn, dead ones too. */
function started(service: ServiceProcess): number[] {
  return lines(service).flatMap(
    ({ msg }) =>
      STARTED.exec(msg ?? '')
        ?.slice(1)
        .map(Number) ?? [],
  );
}

/** Those that have said that they listen, dead ones too. */
function listening(service: ServiceProcess): number[] {
  return lines(service).flatMap(({ msg, pid }) => (msg?.startsWith('listening') ? [pid!] : []));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
