/** The other process of `staleness.ts`: ends the sessions it is sent, and says when that was answered. */
import { SessionProcess, CLIENT, principalOf } from '../../test/sessions/session-process.js';
import type { OpenedSession } from '../../src/sessions/sessions.service.js';

/** What is to be ended, and how. */
export interface Order {
  readonly opened: OpenedSession;
  readonly by: 'logout' | 'epoch';
}

const [databaseUrl, redisUrl] = process.argv.slice(2);
const own = await (await SessionProcess.start(databaseUrl!, redisUrl!)).ready();
process.on('message', ({ opened, by }: Order) => {
  const { userid } = opened.session;
  const actor = principalOf(opened);
  const work = by === 'logout' ? own.sessions.logout(actor, CLIENT) : own.sessions.endAll(userid, actor, CLIENT);
  // One clock for all processes of a machine.
  void work.then(() => process.send!(Number(process.hrtime.bigint()) / 1e6));
});
process.once('disconnect', () => void own.stop().then(() => process.exit(0)));
process.send!('ready');
