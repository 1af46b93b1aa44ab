import { keySlot } from '../../src/redis/key-slot.js';
import { dial, type RedisClient } from '../../src/redis/redis-client.js';
import { tally, type Fleet } from '../races/fleet.js';
import { eventually } from '../support/barrier.js';
import { api, type TokenLogin } from '../support/client.js';
import { startCluster, type RedisFleet } from '../support/redis-fleet.js';
import { ask, change, decide, inLanes, report, startFleet, times } from '../fleet/world.js';

const SLOW = 400_000;
const COUNT = 20;

type Range = [from: number, to: number, master: [host: string, port: number, id: string]];

interface Master {
  readonly port: number;
  readonly id: string;
  readonly client: RedisClient;
}

/** Moves one slot with its keys, by the steps of Redis' own documentation (CLUSTER SETSLOT). */
async function move(slot: number, from: Master, to: Master, masters: readonly Master[]): Promise<void> {
  const order = (at: Master, ...args: string[]) => at.client.sendCommand(['CLUSTER', 'SETSLOT', `${slot}`, ...args]);
  await order(to, 'IMPORTING', from.id);
  await order(from, 'MIGRATING', to.id);
  // What is written to it from now on is refused here, as Postern does not follow to the other one.
  const keys = await from.client.sendCommand<string[]>(['CLUSTER', 'GETKEYSINSLOT', `${slot}`, '1000']);
  const target = ['127.0.0.1', `${to.port}`, '', '0', '5000', 'KEYS'];
  if (keys.length > 0) await from.client.sendCommand(['MIGRATE', ...target, ...keys]);
  const others = masters.filter((master) => master !== from && master !== to);
  for (const master of [to, from, ...others]) await order(master, 'NODE', to.id);
  // Whoever moves the next one before all know the new epoch may leave that slot without an owner: a master that does not
  // know that its epoch has been passed takes no new one, and gives the slot back at an older word of its old owner.
  await eventually(async () => {
    const views = await Promise.all(masters.map(({ client }) => epochsAndSlots(client)));
    return views.every((view) => view === views[0]);
  });
}

/** What this node says of every master: id, config epoch, slots (CLUSTER NODES). */
async function epochsAndSlots(client: RedisClient): Promise<string> {
  const nodes = await client.sendCommand<string>(['CLUSTER', 'NODES']);
  const masters = nodes.split('\n').filter((line) => line.includes('master'));
  return masters
    .map((line) => line.split(' '))
    .map(([id, , , , , , epoch, , ...slots]) => [id, epoch, ...slots].join(' '))
    .toSorted()
    .join('\n');
}

describe('slots of a Cluster move while it is in use', () => {
  let redis: RedisFleet;
  let fleet: Fleet;
  let masters: readonly Master[];

  beforeAll(async () => {
    redis = await startCluster();
    const { REDIS_URL: redisUrl, ...env } = redis.env;
    fleet = await startFleet({ redisUrl, leaseMs: 2000, env });
    masters = await Promise.all(
      redis.servers.slice(0, 3).map(async ({ url, port }) => {
        const client = await dial(url, { silenceMs: SLOW });
        return { port, client, id: await client.sendCommand<string>(['CLUSTER', 'MYID']) };
      }),
    );
  }, SLOW);

  afterAll(async () => {
    for (const { client } of masters ?? []) client.destroy();
    await fleet?.close();
    await redis?.stop();
  }, SLOW);

  async function ownerOf(slot: number): Promise<Master> {
    const ranges = await masters[0]!.client.sendCommand<Range[]>(['CLUSTER', 'SLOTS']);
    const [, , [, , id]] = ranges.find(([from, to]) => from <= slot && slot <= to)!;
    return masters.find((master) => master.id === id)!;
  }

  it(
    'what has ended before, or ends meanwhile, stays so; what has not goes on',
    async () => {
      const users = await times(3 * COUNT, () => fleet.user());
      const sessions = await inLanes(users, (user, at) => fleet.session(fleet.both[at % 2]!, user));
      const [before, meanwhile, kept] = [0, 1, 2].map((at) => sessions.slice(at * COUNT, (at + 1) * COUNT)) as [
        TokenLogin[],
        TokenLogin[],
        TokenLogin[],
      ];
      const logOut = (as: TokenLogin, at: number) =>
        change(204, () => api(fleet.both[at % 2]!.url).post('/v1/auth/logout', undefined, { as }));
      await inLanes(before, logOut);

      const answers: number[] = [];
      let moving = true;
      const watching = (async () => {
        for (let at = 0; moving; at++) answers.push(await ask(fleet.both[at % 2]!, before[at % COUNT]!));
      })();
      let ended = 0;
      // Every user's keys go to the next master.
      for (const { userid } of [...before, ...kept, ...meanwhile]) {
        const slot = keySlot(`session:{${userid}}:`);
        const from = await ownerOf(slot);
        const to = masters[(masters.indexOf(from) + 1) % masters.length]!;
        const logout = ended < COUNT ? logOut(meanwhile[ended]!, ended++) : undefined;
        await move(slot, from, to, masters);
        await logout;
      }
      moving = false;
      await watching;

      const everywhere = async (those: readonly TokenLogin[]) =>
        tally((await inLanes(those, (as) => Promise.all(fleet.both.map((app) => decide(app, as))))).flat());
      const seen = {
        'ended before': await everywhere(before),
        'ended meanwhile': await everywhere(meanwhile),
        kept: await everywhere(kept),
        'while they moved': tally(answers),
      };
      report('moved slots', seen);
      expect(seen['ended before']).toEqual({ 401: 2 * COUNT });
      expect(seen['ended meanwhile']).toEqual({ 401: 2 * COUNT });
      expect(seen.kept).toEqual({ 204: 2 * COUNT });
      expect(seen['while they moved']['204']).toBeUndefined();
    },
    SLOW,
  );
});
