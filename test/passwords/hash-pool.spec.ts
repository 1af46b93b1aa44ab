import { readFileSync, readdirSync } from 'node:fs';
import { jest } from '@jest/globals';
import { Problem } from '../../src/common/problem.js';
import { ClientGone, HashPool, type HashWork } from '../../src/passwords/hash-pool.js';
import { Gate } from './gate.js';
import type { GatedTask } from './gated.worker.js';

const FIRST: HashWork = { lane: 'first' };
const SECOND: HashWork = { lane: 'second' };
const WORKER = new URL('./gated.worker.ts', import.meta.url).href;

describe('the hashing pool', () => {
  const pools: HashPool<GatedTask, string>[] = [];
  const gates: Gate[] = [];

  afterEach(async () => {
    jest.useRealTimers();
    gates.splice(0).forEach((gate) => gate.open());
    await Promise.all(pools.splice(0).map((pool) => pool.close()));
  });

  function makePool(concurrency = 1, queue = 8): HashPool<GatedTask, string> {
    const pool = new HashPool<GatedTask, string>({ filename: WORKER, concurrency, queue });
    pools.push(pool);
    return pool;
  }

  function makeGate(): Gate {
    const gate = new Gate();
    gates.push(gate);
    return gate;
  }

  /** A pool of one thread, which stands before the gate: everything after it waits. */
  async function busyPool(queue = 8) {
    const pool = makePool(1, queue);
    const gate = makeGate();
    const running = pool.run(gate.task('running'), FIRST);
    await gate.reachedBy(1);
    return { pool, gate, running };
  }

  /** How the wait of that work ended. */
  async function refusalOf(run: Promise<string>): Promise<Problem> {
    const outcome = await run.then(
      () => 'hashed',
      (error: unknown) => error,
    );
    expect(outcome).toBeInstanceOf(Problem);
    return outcome as Problem;
  }

  function expectOverloaded(problem: Problem): void {
    expect(problem.code).toBe('overloaded');
    expect(problem.status).toBe(503);
    expect([2, 3, 4, 5]).toContain(problem.options.retryAfterSeconds);
  }

  it('gives every fourth hash to the second lane while one waits there', async () => {
    const { pool, gate, running } = await busyPool();
    const order: string[] = [];
    const enter = (name: string, work: HashWork) => pool.run(gate.task(name), work).then((done) => order.push(done));
    const waits = [
      ...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => enter(name, FIRST)),
      ...['1', '2', '3'].map((name) => enter(name, SECOND)),
    ];
    expect([pool.waiting('first'), pool.waiting('second')]).toEqual([7, 3]);
    gate.open();
    await Promise.all([running, ...waits]);
    expect(order.join(' ')).toBe('a b c 1 d e f 2 g 3');
  });

  it('lets three of the first lane at most go before a late comer of the second', async () => {
    const { pool, gate, running } = await busyPool();
    const order: string[] = [];
    const enter = (name: string, work: HashWork) => pool.run(gate.task(name), work).then((done) => order.push(done));
    const late = enter('a', FIRST).then(() => enter('1', SECOND));
    const waits = ['b', 'c', 'd', 'e', 'f'].map((name) => enter(name, FIRST));
    gate.open();
    await Promise.all([running, late, ...waits]);
    // It comes when 'a' is done and 'b' already runs.
    expect(order.indexOf('1')).toBeLessThanOrEqual(5);
    expect(order.filter((name) => name !== '1').join('')).toBe('abcdef');
  });

  it('refuses at once what finds its lane full, and keeps the other lane open', async () => {
    const { pool, gate } = await busyPool(2);
    const waits = [pool.run(gate.task('a'), SECOND), pool.run(gate.task('b'), SECOND)];
    expectOverloaded(await refusalOf(pool.run(gate.task('c'), SECOND)));
    waits.push(pool.run(gate.task('d'), FIRST));
    expect([pool.waiting('first'), pool.waiting('second')]).toEqual([1, 2]);
    gate.open();
    expect(await Promise.all(waits)).toEqual(['a', 'b', 'd']);
  });

  it('runs as many at once as it has threads and lets one more wait only where the queue has room', async () => {
    const pool = makePool(2, 0);
    const gate = makeGate();
    const running = [pool.run(gate.task('a'), FIRST), pool.run(gate.task('b'), SECOND)];
    await gate.reachedBy(2);
    expectOverloaded(await refusalOf(pool.run(gate.task('c'), FIRST)));
    expect(pool.calls).toEqual({ started: 2, finished: 0 });
    gate.open();
    expect(await Promise.all(running)).toEqual(['a', 'b']);
    expect(pool.calls).toEqual({ started: 2, finished: 2 });
  });

  it('sends away what has waited 3 s, and not what runs', async () => {
    const { pool, gate, running } = await busyPool();
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    const waits = refusalOf(pool.run(gate.task('a'), FIRST));
    jest.advanceTimersByTime(2999);
    expect(pool.waiting('first')).toBe(1);
    jest.advanceTimersByTime(1);
    expect(pool.waiting('first')).toBe(0);
    expectOverloaded(await waits);
    expect(pool.calls).toEqual({ started: 1, finished: 0 });
    gate.open();
    expect(await running).toBe('running');
    expect(pool.calls).toEqual({ started: 1, finished: 1 });
  });

  it('lets what has begun after a wait run on when its 3 s pass', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    const { pool, gate, running } = await busyPool();
    const second = makeGate();
    const waited = pool.run(second.task('waited'), FIRST);
    gate.open();
    await running;
    await second.reachedBy(1);
    jest.advanceTimersByTime(60_000);
    second.open();
    expect(await waited).toBe('waited');
  });

  it('lets two of one account wait, and any number of different ones', async () => {
    const { pool, gate } = await busyPool();
    const of = (account: string, lane: HashWork['lane'] = 'first') => pool.run(gate.task(account), { lane, account });
    const waits = [of('token:1'), of('token:1', 'second'), of('token:2'), of('web:1')];
    expectOverloaded(await refusalOf(of('token:1')));
    expectOverloaded(await refusalOf(of('token:1', 'second')));
    gate.open();
    expect(await Promise.all(waits)).toEqual(['token:1', 'token:1', 'token:2', 'web:1']);
    expect(await of('token:1')).toBe('token:1');
  });

  it('frees the place of a client that has gone, for the next one', async () => {
    const { pool, gate } = await busyPool(1);
    const client = new AbortController();
    const gone = refusalOf(pool.run(gate.task('gone'), { lane: 'first', account: 'token:1', signal: client.signal }));
    expectOverloaded(await refusalOf(pool.run(gate.task('too many'), FIRST)));
    client.abort();
    expect(pool.waiting('first')).toBe(0);
    const next = pool.run(gate.task('next'), FIRST);
    expect(await gone).toBeInstanceOf(ClientGone);
    gate.open();
    expect(await next).toBe('next');
    expect(pool.calls).toEqual({ started: 2, finished: 2 });
  });

  it('does not begin for a client that had gone before', async () => {
    const pool = makePool();
    const run = pool.run(makeGate().task('a'), { lane: 'first', signal: AbortSignal.abort() });
    expect(await refusalOf(run)).toBeInstanceOf(ClientGone);
    expect(pool.calls).toEqual({ started: 0, finished: 0 });
  });

  it('finishes what runs when its client goes, on the thread that it runs on', async () => {
    const pool = makePool();
    const gate = makeGate();
    const client = new AbortController();
    const run = pool.run(gate.task('finished'), { lane: 'first', signal: client.signal });
    await gate.reachedBy(1);
    const threads = hashingThreads();
    client.abort();
    gate.open();
    expect(await run).toBe('finished');
    expect(pool.calls).toEqual({ started: 1, finished: 1 });
    expect(hashingThreads()).toEqual(threads);
  });

  it('answers a thread that fails with 503 and goes on', async () => {
    const pool = makePool();
    const gate = makeGate();
    gate.open();
    const problem = await refusalOf(pool.run(gate.task('a', true), FIRST));
    expect(problem.code).toBe('unavailable');
    expect(problem.options.retryAfterSeconds).toBeGreaterThanOrEqual(2);
    expect(problem.cause).toMatchObject({ message: 'this task fails' });
    expect(await pool.run(gate.task('b'), FIRST)).toBe('b');
    expect(pool.calls).toEqual({ started: 2, finished: 2 });
  });

  it('closes by finishing what runs and sending away what waits', async () => {
    const pool = makePool(2);
    const gate = makeGate();
    const running = [pool.run(gate.task('a'), FIRST), pool.run(gate.task('b'), FIRST)];
    await gate.reachedBy(2);
    const waiting = refusalOf(pool.run(gate.task('c'), FIRST));
    const closed = pool.close();
    expectOverloaded(await waiting);
    expectOverloaded(await refusalOf(pool.run(gate.task('d'), FIRST)));
    gate.open();
    expect(await Promise.all(running)).toEqual(['a', 'b']);
    await closed;
  });

  const onLinux = process.platform === 'linux' ? it : it.skip;
  onLinux('hashes at the lowest priority, every thread of it', async () => {
    const pool = makePool(2);
    const gate = makeGate();
    gate.open();
    expect(hashingThreads()).toEqual([]);
    await pool.warmUp(gate.task('warm'));
    expect(hashingThreads()).toHaveLength(2);
    expect(pool.calls).toEqual({ started: 0, finished: 0 });
  });
});

/** Ids of this process's threads at nice 19; none where there is no /proc. */
function hashingThreads(): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/task').filter((id) => {
    const fields = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return fields[16] === '19';
  });
}
