import { request as httpsRequest } from 'node:https';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';
import { createTestRedis, type TestRedis } from '../setup/test-redis.js';
import { adminLogin, type TokenLogin } from '../support/client.js';
import { eventually } from '../support/barrier.js';
import { FIRST_ACCOUNTS_ENV } from '../support/first-accounts.js';
import { expectProblem, send, type Reply } from '../support/haproxy-client.js';
import { startHaproxy, type Haproxy } from '../support/haproxy.js';
import { Load, type Call } from '../support/load.js';
import { freePort } from '../support/ports.js';
import { processEnv, startService, type ServiceProcess } from '../support/service-process.js';

/** Starting a process compiles the sources. */
const SLOW = 400_000;

let database: TestDatabase;
let redis: TestRedis;
let ports: number[];
let services: ServiceProcess[];
let haproxy: Haproxy;
let as: TokenLogin;
let credentials: Record<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  redis = await createTestRedis();
  ports = [await freePort(), await freePort()];
  services = [await start(0), await start(1)];
  haproxy = await startHaproxy({ processes: [`127.0.0.1:${ports[0]}`, `127.0.0.1:${ports[1]}`] });
  await logIn();
}, SLOW);
afterAll(async () => {
  await haproxy.stop();
  for (const service of services) await service.end('SIGKILL');
  await redis.stop();
  await database.drop();
});

async function logIn(): Promise<void> {
  as = await adminLogin(services[0]!.url);
  credentials = { 'x-user-id': as.userid, authorization: `Bearer ${as.accesstoken}` };
}

async function start(index: number): Promise<ServiceProcess> {
  const where = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    PORT: String(ports[index]),
    TRUTH_LEASE_MS: '10000',
  };
  const service = await startService(processEnv({ ...where, ...FIRST_ACCOUNTS_ENV, DRAIN_SECONDS: '1' }));
  await service.ready();
  return service;
}

function ask(path: string, { method = 'GET', headers = {} }: Partial<Call> = {}): Promise<Reply> {
  const { certificate: ca, httpsPort: port } = haproxy;
  return send(httpsRequest({ host: '127.0.0.1', port, path, method, headers, ca, agent: false }));
}

describe('behind HAProxy', () => {
  const reads = (): Call[] => [
    { path: '/v1/auth/check', headers: credentials },
    { path: '/v1/users/me', headers: credentials },
  ];
  const write = (): Call => ({ method: 'PUT', path: `/v1/users/${as.userid}/roles/admin`, headers: credentials });

  it(
    'one process after the other is stopped and started again, and no request fails',
    async () => {
      await bothServe();
      const from = haproxy.log().length;
      const load = new Load(haproxy.url, reads(), haproxy.certificate);
      // On a connection of their own, one by one: they wait for each other at the row of the account anyway.
      const writes = new Load(haproxy.url, [write()], haproxy.certificate, 1);
      for (const index of [0, 1]) {
        expect(await services[index]!.end('SIGTERM')).toBe(0);
        services[index] = await start(index);
        await bothServe();
      }
      expect(await writes.end()).toEqual({ 204: expect.any(Number) });
      expect(await outcomeOf(load, from)).toEqual({ statuses: ['200', '204'], refused: [] });
    },
    SLOW,
  );

  it(
    'one process is frozen: what was asked of it is given up after 5 s, and the next call goes to the other',
    async () => {
      const timed = async (call: Call) => {
        const started = performance.now();
        const reply = await ask(call.path, call);
        return { reply, after: performance.now() - started };
      };
      services[0]!.child.kill('SIGSTOP');
      try {
        // Some go to the one and some to the other, until it is seen that it does not answer.
        const calls = Array.from({ length: 16 }, (_, index) => (index % 2 === 0 ? reads()[0]! : write()));
        const replies = await Promise.all(calls.map(timed));
        expect(new Set(replies.map(({ reply }) => reply.status))).toEqual(new Set([204, 503]));
        for (const [index, { reply, after }] of replies.entries()) {
          const code = calls[index]!.method === undefined ? 'unavailable' : 'outcome_unknown';
          if (reply.status === 503) expectProblem(reply, 503, code);
          // Three times what is promised: the machine may be busy with others.
          expect(after).toBeLessThan(15_000);
        }
        for (let call = 0; call < 10; call += 1)
          expect((await ask('/v1/auth/check', { headers: credentials })).status).toBe(204);
      } finally {
        services[0]!.child.kill('SIGCONT');
      }
    },
    SLOW,
  );

  it('ending all sessions may take a lease more than any other call', async () => {
    const started = performance.now();
    const reply = await ask('/v1/all-sessions', { method: 'DELETE', headers: credentials });
    expect([reply.status, reply.text]).toEqual([204, '']);
    expect(performance.now() - started).toBeGreaterThan(6000);
    // The one that was frozen connects to Redis anew, and then lets a lease pass.
    for (const service of services) await service.ready();
    await logIn();
  }, 60_000);

  it(
    'one process is killed, and no call that may be asked twice fails',
    async () => {
      await bothServe();
      const from = haproxy.log().length;
      const load = new Load(haproxy.url, reads(), haproxy.certificate);
      await eventually(() => load.count > 200);
      await services[0]!.end('SIGKILL');
      const before = load.count;
      await eventually(() => load.count > before + 200);
      expect(await outcomeOf(load, from)).toEqual({ statuses: ['200', '204'], refused: [] });
    },
    SLOW,
  );

  it(
    'where all are gone the proxy says so as the service would',
    async () => {
      await services[1]!.end('SIGKILL');
      const reply = await ask('/v1/users/me', { headers: credentials });
      expectProblem(reply, 503, 'unavailable');
      expect(reply.headers['retry-after']).toBe('1');
    },
    SLOW,
  );

  /**
   * What came of the calls, and what the proxy has logged of those that were not answered as they should; where there
   * are any, what it thought of the processes as well.
   */
  async function outcomeOf(load: Load, from: number) {
    const statuses = Object.keys(await load.end()).toSorted();
    const lines = haproxy.log().slice(from).split('\n');
    const refused = lines.filter((line) => /^\S+ \S+ [A-Z]+ (?!20[04] )/.test(line)).slice(0, 10);
    const states = lines.filter((line) => / is (UP|DOWN)/.test(line));
    return { statuses, refused: refused.length === 0 ? [] : [...states, ...refused] };
  }

  /** Waits until the proxy sends calls to both: what is ready it learns a moment later. */
  async function bothServe(): Promise<void> {
    const seen = haproxy.log().length;
    await eventually(async () => {
      await ask('/livez');
      const lines = haproxy.log().slice(seen);
      return [1, 2].every((index) => new RegExp(` 200 .* processes/process-${index} `).test(lines));
    }, 60_000);
  }
});
