import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { SessionProcess } from '../test/sessions/session-process.js';
import { eventually } from '../test/support/barrier.js';
import type { OpenedSession } from '../src/sessions/sessions.service.js';
import type { World } from './lib/contender.js';
import type { Order } from './lib/revoker.js';
import { quantile, table } from './lib/table.js';

const REVOKER = join(import.meta.dirname, 'lib/revoker.ts');

/** One clock for all processes of this machine, in ms. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

/**
 * How long after a session has been ended by one process another one, with a near cache, still honours it. Half of the
 * sessions end by logout, half by the epoch of their user.
 */
export async function staleness(world: World, { revocations }: { revocations: number }) {
  const databaseUrl = await world.newMigratedDatabase();
  const revoker = fork(REVOKER, [databaseUrl, world.redisUrl]);
  const near = await (await SessionProcess.start(databaseUrl, world.redisUrl, { SESSION_CACHE: 'tracked' })).ready();
  await once(revoker, 'message');
  const late: number[] = [];
  try {
    for (let n = 0; n < revocations; n++) late.push(await one(near, revoker, n % 2 === 0 ? 'logout' : 'epoch'));
  } finally {
    revoker.disconnect();
    await once(revoker, 'exit');
    await near.stop();
  }
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) => quantile(late, share).toFixed(2)) as [string, string, string];
  const at = `${late.filter((ms) => ms > 0).length} of ${revocations}`;
  return {
    table: table(
      ['sessions let in after the answer that ended them', 'p50, ms', 'p99, ms', 'max, ms'],
      [[at, p50, p99, most]],
    ),
    line: `near cache: the last call that an ended session was let in with came ${p50} (p50), ${p99} (p99), ${most} (max) ms after the answer`,
  };
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
