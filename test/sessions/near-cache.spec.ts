import { createClient } from 'redis';
import { RecordMap } from '../../src/sessions/record-map.js';
import type { OpenedSession } from '../../src/sessions/sessions.service.js';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';
import { eventually, hold } from '../support/barrier.js';
import { startCluster, type RedisFleet } from '../support/redis-fleet.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { CLIENT, LEASE_MS, SessionProcess, principalOf } from './session-process.js';

/** One process that keeps records in memory, and one that does not: whatever it changes the first must be told. */
interface World {
  readonly database: TestDatabase;
  readonly near: SessionProcess;
  readonly other: SessionProcess;
  stop(): Promise<void>;
}

async function startWorld(env: Readonly<Record<string, string>>): Promise<World> {
  const database = await createTestDatabase();
  const near = await SessionProcess.start(database.url, env['REDIS_URL']!, { ...env, SESSION_CACHE: 'tracked' });
  const other = await SessionProcess.start(database.url, env['REDIS_URL']!, env);
  await Promise.all([near.ready(), other.ready()]);
  const stop = async () => {
    await near.stop();
    await other.stop();
    await database.drop();
  };
  return { database, near, other, stop };
}

/** Resolves when the session is answered from memory. */
async function warm({ near }: World, opened: OpenedSession): Promise<void> {
  await eventually(async () => {
    if (!(await near.honours(opened))) throw new Error('the session is not honoured');
    return isNear(near, opened);
  });
}

/** Whether a call would be answered from memory now. */
function isNear({ near, truth }: SessionProcess, { session: { userid, sid } }: OpenedSession): boolean {
  const ticket = truth.held;
  if (ticket === null || !near.serves(ticket)) return false;
  const keys = [`session:{${userid}}:${sid}`, `authority:{${userid}}:${ticket.generation}`];
  return keys.every((key) => near.records.get(key) !== undefined);
}

describe('a near cache', () => {
  let redis: RedisServer;
  let world: World;
  let near: SessionProcess;
  let other: SessionProcess;

  beforeAll(async () => {
    redis = await startRedis();
    world = await startWorld({ REDIS_URL: redis.url });
    ({ near, other } = world);
  });

  afterAll(async () => {
    await redis?.kill('SIGCONT');
    await world?.stop();
    await redis?.stop();
  });

  afterEach(async () => {
    await Promise.all([near.ready(), other.ready()]);
  });

  async function openWarm(more: Parameters<SessionProcess['open']>[1] = {}): Promise<OpenedSession> {
    const opened = await other.open(await other.createUser(), more);
    await warm(world, opened);
    return opened;
  }

  const mgets = async () => {
    const stats = await other.redis.at('').client.sendCommand<string>(['INFO', 'commandstats']);
    return Number(/cmdstat_mget:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  };

  test('answers without asking Redis, and only whoever has the secret', async () => {
    const opened = await openWarm();
    let before = 0;
    // Seen after the question: what follows asks nobody for anything, and memory was vouched for a moment ago.
    await eventually(async () => {
      before = await mgets();
      return isNear(near, opened);
    });
    for (let n = 0; n < 100; n++) expect(await near.honours(opened)).toBe(true);
    const wrong = opened.accesstoken.slice(0, -4) + (opened.accesstoken.endsWith('AAAA') ? 'BBBB' : 'AAAA');
    expect(await near.sessions.authenticate(opened.session.userid, wrong)).toBeNull();
    expect(await mgets()).toBe(before);
  });

  test.each(['logout', 'end', 'endAll', 'apitoken', 'disable'] as const)(
    'is told when another process ends a session (%s)',
    async (how) => {
      const opened = await openWarm();
      const { userid, sid, apitokenId } = opened.session;
      const actor = principalOf(opened);
      const sql = (text: string, value: string | null) =>
        other.authority.change({ target: userid }, (tx) => tx.query(text, [value]));
      const ways = {
        logout: () => other.sessions.logout(actor, CLIENT),
        end: () => other.sessions.end(userid, sid, actor, CLIENT),
        endAll: () => other.sessions.endAll(userid, actor, CLIENT),
        apitoken: () => sql('DELETE FROM apitokens WHERE id = $1', apitokenId),
        disable: () => sql(`UPDATE users SET status = 'disabled' WHERE userid = $1`, userid),
      };
      await ways[how]();
      // Both processes live in this one: two turns of its loop, for what lies in the socket.
      await near.redis.at('').client.ping();
      expect(await near.honours(opened)).toBe(false);
    },
  );

  test('what is told while a read is in flight keeps the read from being kept', async () => {
    const opened = await other.open(await other.createUser());
    await other.warm(opened);
    await eventually(() => near.near.serves(near.truth.begin()));
    const reply = hold(near.redis.at('').store, 'mget', 'after');
    const call = near.honours(opened);
    await reply.reached;
    await other.sessions.endAll(opened.session.userid, principalOf(opened), CLIENT);
    await near.redis.at('').client.ping();
    reply.release();
    // It was asked before the end.
    expect(await call).toBe(true);
    expect(isNear(near, opened)).toBe(false);
    expect(await near.honours(opened)).toBe(false);
  });

  test('FLUSHALL empties it, and what was being read then is not kept', async () => {
    const kept = await openWarm();
    const opened = await other.open(await other.createUser());
    await other.warm(opened);
    const reply = hold(near.redis.at('').store, 'mget', 'after');
    const call = near.honours(opened);
    await reply.reached;
    await other.redis.at('').client.flushAll();
    await near.redis.at('').client.ping();
    reply.release();
    await call;
    expect([isNear(near, kept), isNear(near, opened)]).toEqual([false, false]);
    expect([await near.honours(kept), await near.honours(opened)]).toEqual([false, false]);
  });

  test('a record ends by itself, however late Redis tells of it', async () => {
    await other.redis.at('').client.sendCommand(['DEBUG', 'SET-ACTIVE-EXPIRE', '0']);
    const notAfter = Math.ceil(other.redis.at('').nowMs) + 5000;
    const opened = await openWarm({ notAfter });
    // Asked of Redis itself: a process reckons Redis's clock at or ahead of it, each by as much as its own question took.
    // In whole milliseconds, as Redis does: a key goes with the first one after its last.
    await eventually(async () => {
      const [seconds, micros] = await other.redis.at('').client.sendCommand<[string, string]>(['TIME']);
      return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) > notAfter;
    });
    expect(await near.honours(opened)).toBe(false);
    await other.redis.at('').client.sendCommand(['DEBUG', 'SET-ACTIVE-EXPIRE', '1']);
  });

  test('a touch is told as any change, and the session goes on', async () => {
    const opened = await openWarm();
    const { userid, sid } = opened.session;
    const key = `session:{${userid}}:${sid}`;
    const { client } = other.redis.at(key);
    const record = JSON.parse((await client.get(key))!) as unknown[];
    record[7] = (record[7] as number) - 1_000_000;
    await client.set(key, JSON.stringify(record), { expiration: 'KEEPTTL' });
    await near.redis.at('').client.ping();
    await warm(world, opened);
    const touched = (await near.store.list(userid))[0]!;
    expect(touched.lastSeenAt).toBeGreaterThanOrEqual(opened.session.lastSeenAt);
  });

  test('a lost connection empties it at once', async () => {
    const opened = await openWarm();
    const id = await near.redis.at('').client.sendCommand<number>(['CLIENT', 'ID']);
    const { connection } = near.redis;
    await other.redis.at('').client.sendCommand(['CLIENT', 'KILL', 'ID', `${id}`]);
    await eventually(() => near.redis.connection !== connection);
    expect(near.near.records.size).toBe(0);
    expect(isNear(near, opened)).toBe(false);
    await near.ready();
    await warm(world, opened);
  });

  test('a new generation empties it and closes the connection', async () => {
    const opened = await openWarm();
    const { connection } = near.redis;
    await near.newGeneration();
    // Not for a moment longer: what is asked now is not answered from memory.
    await expect(near.honours(opened)).rejects.toMatchObject({ code: 'unavailable' });
    await eventually(() => near.redis.connection !== connection && near.near.records.size === 0);
    await near.ready();
    await warm(world, opened);
  });

  test('a lease that ran out empties it and closes the connection', async () => {
    const opened = await openWarm();
    const { connection } = near.redis;
    const ticket = near.truth.begin();
    const question = hold(near.truth['probe'], 'postgres', 'before');
    await question.reached;
    await eventually(() => !near.truth.holds(ticket), 3 * LEASE_MS);
    await expect(near.honours(opened)).rejects.toMatchObject({ code: 'unavailable' });
    await eventually(() => near.redis.connection !== connection && near.near.records.size === 0);
    question.release();
    await near.ready();
    await warm(world, opened);
  });

  test('a lease without a gap is one ticket, one with a gap is another', async () => {
    const ticket = other.truth.begin();
    await other.truth.kick();
    expect(other.truth.begin()).toBe(ticket);
    const question = hold(other.truth['probe'], 'postgres', 'before');
    await question.reached;
    await eventually(async () => {
      // An idle connection would be dropped.
      await other.redis.at('').client.ping();
      return !other.truth.holds(ticket);
    });
    question.release();
    await other.ready();
    expect(other.truth.begin()).toEqual(ticket);
    expect(other.truth.begin()).not.toBe(ticket);
  });

  test('without the right to be told of changes nobody is let in', async () => {
    const opened = await openWarm();
    const operator = await createClient({ url: redis.url }).connect();
    await operator.aclSetUser('default', '-client|tracking');
    near.redis.reconnect();
    await expect(eventually(() => near.truth.ready, 2 * LEASE_MS)).rejects.toThrow('not within');
    await operator.aclSetUser('default', '+client|tracking');
    operator.destroy();
    await near.ready();
    expect(await near.honours(opened)).toBe(true);
  });
});

describe('a near cache under a long lease', () => {
  let redis: RedisServer;
  let world: World;
  let opened: OpenedSession;

  beforeAll(async () => {
    redis = await startRedis();
    world = await startWorld({ REDIS_URL: redis.url, TRUTH_LEASE_MS: '8000' });
    opened = await world.other.open(await world.other.createUser());
    await warm(world, opened);
  }, 60_000);

  afterAll(async () => {
    await redis?.kill('SIGCONT');
    await world?.stop();
    await redis?.stop();
  });

  test('an answer vouches for a second from when it was asked for', async () => {
    const { near } = world;
    const { client } = near.redis.at('');
    const late = hold(client, 'ping', 'before');
    await late.reached;
    const askedAt = performance.now();
    await eventually(() => performance.now() - askedAt > 700);
    const next = hold(client, 'ping', 'before');
    late.release();
    await next.reached;
    await eventually(() => performance.now() - askedAt > 1050);
    expect(near.near.serves(near.truth.begin())).toBe(false);
    next.release();
    await warm(world, opened);
  });

  test('a frozen Redis is trusted for a second, no longer, though the lease still runs', async () => {
    const { near } = world;
    await redis.kill('SIGSTOP');
    const frozenAt = performance.now();
    expect(await near.honours(opened)).toBe(true);
    const trusted: number[] = [];
    await eventually(() => {
      const frozenMs = performance.now() - frozenAt;
      const serves = near.near.serves(near.truth.begin());
      if (serves) trusted.push(frozenMs);
      return !serves;
    });
    // Until when it was seen to be trusted, however late this process looked again.
    expect(Math.max(...trusted)).toBeLessThan(1050);
    await redis.kill('SIGCONT');
    await warm(world, opened);
  });
});

describe('a near cache on a Cluster', () => {
  let redis: RedisFleet;
  let world: World;

  beforeAll(async () => {
    redis = await startCluster();
    world = await startWorld(redis.env);
  }, 60_000);

  afterAll(async () => {
    await world?.stop();
    await redis?.stop();
  });

  test('is told by every master', async () => {
    const { near, other } = world;
    expect(near.redis.masters).toHaveLength(3);
    const opened: OpenedSession[] = [];
    // A master has none of twelve once in 43 times.
    const used = () => new Set(opened.map(({ session }) => near.redis.at(`session:{${session.userid}}`)));
    while (opened.length < 12 || used().size < 3) opened.push(await other.open(await other.createUser()));
    for (const each of opened) await warm(world, each);
    for (const each of opened) {
      await other.sessions.logout(principalOf(each), CLIENT);
      await near.redis.at(`session:{${each.session.userid}}`).client.ping();
      expect(await near.honours(each)).toBe(false);
    }
  });
});

describe('its records', () => {
  test('are never more than so many: the one filled first goes', () => {
    const records = new RecordMap(3);
    for (const key of ['a', 'b', 'c', 'd']) records.fill(key, records.announce(key), key, Infinity);
    expect(['a', 'b', 'c', 'd'].map((key) => records.get(key))).toEqual([undefined, 'b', 'c', 'd']);
    expect(records.size).toBe(3);
  });

  test('keep their places whatever is asked for that is not there', () => {
    const records = new RecordMap(3);
    for (const key of ['a', 'b', 'c']) records.fill(key, records.announce(key), key, Infinity);
    for (const madeUp of ['x', 'y', 'z']) records.giveUp(madeUp, records.announce(madeUp));
    expect(['a', 'b', 'c'].map((key) => records.get(key))).toEqual(['a', 'b', 'c']);
  });

  test('are filled by the reader whose announcement stands, no other', () => {
    const records = new RecordMap(3);
    const early = records.announce('a');
    expect(records.announce('a')).toBeNull();
    records.forget('a');
    const late = records.announce('a');
    records.fill('a', early, 'old', Infinity);
    expect(records.get('a')).toBeUndefined();
    records.giveUp('a', early);
    records.fill('a', late, 'new', Infinity);
    expect(records.get('a')).toBe('new');
  });

  test('leave nothing behind where there was nothing to keep', () => {
    const records = new RecordMap(3);
    records.giveUp('a', records.announce('a'));
    expect(records.size).toBe(0);
  });
});
