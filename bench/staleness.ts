/**
 * How long after a session has been ended by one process another one, with a near cache, still honours it:
 * `npm run bench:staleness`. Real Postgres, real Redis, two processes. Half of the sessions end by logout, half by the
 * epoch of their user.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import type { OpenedSession } from '../src/sessions/sessions.service.js';
import { startServices } from '../test/setup/services.js';
import { createTestDatabase } from '../test/setup/test-database.js';
import { CLIENT, SessionProcess, principalOf } from '../test/sessions/session-process.js';
import { eventually } from '../test/support/barrier.js';
import { startRedis } from '../test/support/redis-server.js';

const REVOCATIONS = 1000;

/** One clock for all processes of this machine, in ms. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

interface Order {
  readonly opened: OpenedSession;
  readonly by: 'logout' | 'epoch';
}

const [role, databaseUrl, redisUrl] = process.argv.slice(2);
if (role === 'revoker') await revoke(databaseUrl!, redisUrl!);
else await measure();

/** The other process: ends what it is sent, and says when that was answered. */
async function revoke(database: string, redis: string): Promise<void> {
  const own = await (await SessionProcess.start(database, redis)).ready();
  process.on('message', ({ opened, by }: Order) => {
    const { userid } = opened.session;
    const actor = principalOf(opened);
    const work = by === 'logout' ? own.sessions.logout(actor, CLIENT) : own.sessions.endAll(userid, actor, CLIENT);
    void work.then(() => process.send!(now()));
  });
  process.once('disconnect', () => void own.stop().then(() => process.exit(0)));
  process.send!('ready');
}

async function measure(): Promise<void> {
  const stop = await startServices();
  const database = await createTestDatabase();
  const redis = await startRedis();
  const revoker = fork(import.meta.filename, ['revoker', database.url, redis.url]);
  const near = await (await SessionProcess.start(database.url, redis.url, { SESSION_CACHE: 'tracked' })).ready();
  await once(revoker, 'message');
  try {
    const staleness: number[] = [];
    for (let n = 0; n < REVOCATIONS; n++) staleness.push(await one(near, revoker, n % 2 === 0 ? 'logout' : 'epoch'));
    print(staleness);
  } finally {
    revoker.disconnect();
    await once(revoker, 'exit');
    await near.stop();
    await redis.stop();
    await database.drop();
    await stop();
  }
}

/** How long before the last call that was let in the end had been answered, in ms; 0 where none was let in after it. */
async function one(near: SessionProcess, revoker: ChildProcess, by: Order['by']): Promise<number> {
  const opened = await near.open(await near.createUser());
  await eventually(async () => {
    await near.honours(opened);
    const ticket = near.truth.held;
    return ticket !== null && near.near.serves(ticket) && near.near.records.get(keyOf(opened)) !== undefined;
  });
  const answered = once(revoker, 'message') as Promise<[number]>;
  revoker.send({ opened, by } satisfies Order);
  let lastLetIn = 0;
  for (;;) {
    const asked = now();
    if (!(await near.honours(opened))) break;
    lastLetIn = asked;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const [endedAt] = await answered;
  return Math.max(0, lastLetIn - endedAt);
}

function keyOf({ session: { userid, sid } }: OpenedSession): string {
  return `session:{${userid}}:${sid}`;
}

function print(staleness: readonly number[]): void {
  const sorted = staleness.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(3);
  const late = sorted.filter((ms) => ms > 0).length;
  process.stdout.write(
    `${sorted.length} sessions ended by another process; still let in after the answer, in ms: ` +
      `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}; ${late} at all. Load of the machine: ${loadavg()[0]!.toFixed(1)}\n`,
  );
}
