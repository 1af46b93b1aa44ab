import { eventually } from '../support/barrier.js';
import { BehindHaproxy } from '../support/behind-haproxy.js';
import { expectProblem } from '../support/haproxy-client.js';
import { Load, type Call } from '../support/load.js';

/** Starting a process compiles the sources. */
const SLOW = 400_000;

let pair: BehindHaproxy;

beforeAll(async () => {
  pair = await BehindHaproxy.start();
}, SLOW);
afterAll(() => pair?.stop());

describe('behind HAProxy', () => {
  const reads = (): Call[] => [
    { path: '/v1/auth/check', headers: pair.credentials },
    { path: '/v1/users/me', headers: pair.credentials },
  ];
  const write = (): Call => ({
    method: 'PUT',
    path: `/v1/users/${pair.as.userid}/roles/admin`,
    headers: pair.credentials,
  });

  it(
    'one process after the other is stopped and started again, and no request fails',
    async () => {
      await pair.bothServe();
      const from = pair.haproxy.log().length;
      const load = new Load(pair.haproxy.url, reads(), pair.haproxy.certificate);
      // On a connection of their own, one by one: they wait for each other at the row of the account anyway.
      const writes = new Load(pair.haproxy.url, [write()], pair.haproxy.certificate, 1);
      for (const index of [0, 1]) {
        expect(await pair.services[index]!.end('SIGTERM')).toBe(0);
        await pair.startProcess(index);
        await pair.bothServe();
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
        const reply = await pair.ask(call.path, call);
        return { reply, after: performance.now() - started };
      };
      pair.services[0]!.child.kill('SIGSTOP');
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
          expect((await pair.ask('/v1/auth/check', { headers: pair.credentials })).status).toBe(204);
      } finally {
        pair.services[0]!.child.kill('SIGCONT');
      }
    },
    SLOW,
  );

  it('ending all sessions may take a lease more than any other call', async () => {
    const started = performance.now();
    const reply = await pair.ask('/v1/all-sessions', { method: 'DELETE', headers: pair.credentials });
    expect([reply.status, reply.text]).toEqual([204, '']);
    expect(performance.now() - started).toBeGreaterThan(6000);
    // The one that was frozen connects to Redis anew, and then lets a lease pass.
    for (const service of pair.services) await service.ready();
    await pair.logIn();
  }, 60_000);

  it(
    'one process is killed, and no call that may be asked twice fails',
    async () => {
      await pair.bothServe();
      const from = pair.haproxy.log().length;
      const load = new Load(pair.haproxy.url, reads(), pair.haproxy.certificate);
      await eventually(() => load.count > 200);
      await pair.services[0]!.end('SIGKILL');
      const before = load.count;
      await eventually(() => load.count > before + 200);
      expect(await outcomeOf(load, from)).toEqual({ statuses: ['200', '204'], refused: [] });
    },
    SLOW,
  );

  it(
    'where all are gone the proxy says so as the service would',
    async () => {
      await pair.services[1]!.end('SIGKILL');
      const reply = await pair.ask('/v1/users/me', { headers: pair.credentials });
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
    const lines = pair.haproxy.log().slice(from).split('\n');
    const refused = lines.filter((line) => /^\S+ \S+ [A-Z]+ (?!20[04] )/.test(line)).slice(0, 10);
    const states = lines.filter((line) => / is (UP|DOWN)/.test(line));
    return { statuses, refused: refused.length === 0 ? [] : [...states, ...refused] };
  }
});
