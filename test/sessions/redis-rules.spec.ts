import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { createClient } from 'redis';
import type { EntityManager } from 'typeorm';
import { AuthorityService } from '../../src/authority/authority.service.js';
import { replaceLineage } from '../../src/authority/generation.js';
import type { RedisSessionStore } from '../../src/sessions/redis-session.store.js';
import { eventually, hold } from '../support/barrier.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';
import { CLIENT, LEASE_MS, SessionProcess, principalOf } from './session-process.js';

/** What stands in the place of the copy while its user is changed: `!` and the change. */
const FENCE = /^"![0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"$/;

/**
 * The twelve rules that keep sessions in Redis right although Redis may lose them, bring old ones back, or be another
 * server than before. Each test fails when its rule is taken out (`npm run mutations`).
 */
describe('sessions in Redis', () => {
  let database: TestDatabase;
  let redis: RedisServer;
  let one: SessionProcess;
  let two: SessionProcess;

  beforeAll(async () => {
    database = await createTestDatabase();
    redis = await startRedis();
    one = await SessionProcess.start(database.url, redis.url);
    two = await SessionProcess.start(database.url, redis.url);
    await Promise.all([one.ready(), two.ready()]);
  });

  afterAll(async () => {
    await one?.stop();
    await two?.stop();
    await redis?.stop();
    await database?.drop();
  });

  afterEach(async () => {
    await Promise.all([one.ready(), two.ready()]);
  });

  const client = () => one.redis.at('').client;
  const generation = () => one.truth.begin().generation;
  const sessionKey = (userid: string, sid: string) => `session:{${userid}}:${sid}`;

  /** As if Redis had been emptied and filled again from a dump of before: the value is there once more. */
  async function bringBack(key: string, value: string): Promise<void> {
    await client().set(key, value, { expiration: { type: 'PX', value: 60_000 } });
  }

  /** Another generation for the same servers, as after any change of lineage. */
  async function newGeneration(): Promise<void> {
    const before = generation();
    await one.db.query('UPDATE generation SET generation = gen_random_uuid()');
    await Promise.all([one.truth.leftBehind(before, 15_000), two.truth.leftBehind(before, 15_000)]);
  }

  /** Runs `work` while process one still has its lease, but another process has replaced the generation. */
  async function replacedUnseen(work: () => Promise<void>): Promise<void> {
    const before = generation();
    const beat = hold(one.truth, 'beat' as never, 'before');
    await beat.reached;
    await two.db.query('UPDATE generation SET generation = gen_random_uuid()');
    expect(one.truth.ready).toBe(true);
    await work();
    beat.release();
    await Promise.all([one.truth.leftBehind(before, 15_000), two.truth.leftBehind(before, 15_000)]);
  }

  /** A change of that user by `process`, which stands still once its fence is there and its COMMIT is not. */
  async function fencedChange(
    process: SessionProcess,
    target: string,
    work: (tx: EntityManager) => Promise<unknown> = async () => undefined,
  ) {
    const { reached, release } = hold(process.authority, 'fence' as never, 'after');
    const done = process.authority.change({ target }, work);
    await reached;
    return { release, done };
  }

  test('rule 1: another lineage begins a new generation, and the world is left alone', async () => {
    const before = generation();
    await one.db.query(`UPDATE generation SET lineage = 'another', world = 7`);
    await eventually(() => one.truth.ready && one.truth.begin().generation !== before);
    const [row] = await one.db.query<{ generation: string; lineage: string; world: string }[]>(
      'SELECT generation, lineage, world FROM generation',
    );
    expect(row).toMatchObject({ generation: generation(), world: '7' });
    expect(row!.lineage).toContain((await one.redis.inspect()).lineage);
  });

  test('rule 1: a new generation takes the place of the one that was seen, and of no other', async () => {
    await replaceLineage(one.db, randomUUID(), 'another');
    const [row] = await one.db.query<object[]>('SELECT generation, lineage FROM generation');
    expect(row).toEqual({
      generation: generation(),
      lineage: expect.stringContaining((await one.redis.inspect()).lineage),
    });
  });

  test('rule 1: a process with another lease or store gets no lease', async () => {
    const other = await SessionProcess.start(database.url, redis.url, { TRUTH_LEASE_MS: '1700' });
    await eventually(() => other.fatal.length > 0);
    expect(other.truth.ready).toBe(false);
    expect(other.fatal[0]).toContain('new-generation');
    await other.stop();
  });

  test('rule 1: another database of the same Redis is another Redis: two processes never serve on both', async () => {
    const own = await createTestDatabase();
    const first = await (await SessionProcess.start(own.url, redis.url)).ready();
    const second = await SessionProcess.start(own.url, `${redis.url}/1`);
    await eventually(() => !first.truth.ready);
    let together = false;
    const from = performance.now();
    await eventually(() => {
      together ||= first.truth.ready && second.truth.ready;
      return performance.now() - from > 4 * LEASE_MS;
    });
    expect(together).toBe(false);
    await first.stop();
    await second.stop();
    await own.drop();
  });

  test('rule 1: a server that is no master is not used', async () => {
    // On a connection of its own: the processes drop theirs when they find that out.
    const operator = await createClient({ url: redis.url }).connect();
    await operator.sendCommand(['REPLICAOF', '127.0.0.1', '1']);
    await eventually(() => !one.truth.ready && !two.truth.ready);
    // However long it says so: nothing is served, no generation begins on it.
    await expect(eventually(() => one.truth.ready, 3 * LEASE_MS)).rejects.toThrow('not within');
    await operator.sendCommand(['REPLICAOF', 'NO', 'ONE']);
    operator.destroy();
    await one.ready();
  });

  test('rule 2: the lease is renewed by what both servers say, and runs from the sending', async () => {
    const question = hold(one.truth['probe'], 'postgres', 'after');
    await question.reached;
    const asked = performance.now();
    await eventually(async () => {
      // An idle connection would be dropped, and what was asked on it count for nothing anyway.
      await client().ping();
      return performance.now() - asked > LEASE_MS;
    });
    expect(one.truth.ready).toBe(false);
    // An answer to a question that was sent longer ago than a lease renews nothing.
    const renewed = hold(one.truth['probe'], 'postgres', 'before');
    question.release();
    await renewed.reached;
    const ready = one.truth.ready;
    renewed.release();
    expect(ready).toBe(false);
    await one.ready();
  });

  test('rule 3: a generation that was not known is adopted one lease later', async () => {
    const before = generation();
    const asked = performance.now();
    await one.newGeneration();
    expect(() => one.truth.begin()).toThrow('unavailable');
    await eventually(() => one.truth.ready);
    expect(generation()).not.toBe(before);
    expect(performance.now() - asked).toBeGreaterThanOrEqual(LEASE_MS);
  });

  test('rule 4: a lease that ran out while Redis was asked decides nothing', async () => {
    const opened = await one.open(await one.createUser());
    await one.warm(opened);
    const reply = hold(one.redis.at('').store, 'mget', 'after');
    const call = one.honours(opened);
    await reply.reached;
    await one.newGeneration();
    reply.release();
    await expect(call).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('rule 4: a lease that ran out while a session was made: 503, not a session', async () => {
    const user = await one.createUser();
    const creation = hold(client(), 'evalSha', 'after');
    // Without a cap to keep nothing else is asked of the store afterwards.
    const opening = one.open(user, { isApp: true });
    await creation.reached;
    await one.newGeneration();
    creation.release();
    await expect(opening).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('rule 4: a change that was told under a generation that is over is told again before it is answered', async () => {
    const user = await one.createUser();
    const before = await fencedChange(one, user.userid);
    const after = hold(one.authority, 'fence' as never, 'after');
    before.release();
    await after.reached;
    const old = generation();
    // Known at once: a lease is longer than the 2 s in which a change must be told.
    const adoption = jest.replaceProperty(one.truth, 'adoptionMs' as never, 0 as never);
    await one.db.query('UPDATE generation SET generation = gen_random_uuid()');
    await one.truth.leftBehind(old, 15_000);
    adoption.restore();
    after.release();
    await before.done;
    expect(await client().get(AuthorityService.key(user.userid, generation()))).toMatch(FENCE);
    // The other one may still serve under the old generation until its next heartbeat.
    await two.truth.leftBehind(old, 15_000);
  });

  test('rule 4: an end whose lease ran out before its COMMIT is refused and not recorded', async () => {
    const opened = await one.open(await one.createUser());
    const fenced = hold(one.store, 'guarded' as never, 'after');
    const logout = one.sessions.logout(principalOf(opened), CLIENT);
    await fenced.reached;
    one.truth['leaseUntil'] = 0;
    fenced.release();
    await expect(logout).rejects.toMatchObject({ code: 'unavailable' });
    expect(await one.db.query('SELECT sid FROM session_ends WHERE sid = $1', [opened.session.sid])).toEqual([]);
  });

  test("rule 4: an admin's change whose lease ran out before its COMMIT is refused, and after it, of unknown outcome", async () => {
    const admin = principalOf(await one.open(await one.createUser(['admin'])), ['admin', 'user']);
    const { userid } = await one.createUser();
    const status = async () => (await one.authority.ask(userid, null))!.authority.status;
    const change = (meanwhile = () => {}) =>
      one.authority.adminChange(admin, ['admin'], async (tx) => {
        await tx.query(`UPDATE users SET status = 'disabled' WHERE userid = $1`, [userid]);
        meanwhile();
      });
    const endLease = () => (one.truth['leaseUntil'] = 0);
    await expect(change(endLease)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await status()).toBe('active');
    await one.ready();

    const committed = hold(one.truth, 'settle', 'before');
    const changed = change();
    await committed.reached;
    const beat = hold(one.truth, 'beat' as never, 'before');
    await beat.reached;
    endLease();
    committed.release();
    await expect(changed).rejects.toMatchObject({ code: 'outcome_unknown' });
    beat.release();
    expect(await status()).toBe('disabled');
  });

  test('rule 7: the fence stands for as long as a COMMIT may wait, and is short once its outcome is known', async () => {
    const user = await one.createUser();
    const left = () => client().pTTL(AuthorityService.key(user.userid, generation()));
    const fenced = await fencedChange(one, user.userid);
    expect(await left()).toBeGreaterThan(80_000_000);
    fenced.release();
    await fenced.done;
    expect(await left()).toBeLessThanOrEqual(30_000);

    const again = await fencedChange(one, user.userid);
    expect(await left()).toBeGreaterThan(80_000_000);
    const lease = one.truth['leaseUntil'];
    one.truth['leaseUntil'] = 0;
    again.release();
    await expect(again.done).rejects.toMatchObject({ code: 'unavailable' });
    one.truth['leaseUntil'] = lease;
    expect(await left()).toBeLessThanOrEqual(30_000);
    await one.ready();
  });

  test('rule 7: the fence of a change that waits for its COMMIT is not shortened by the one before it', async () => {
    const user = await one.createUser();
    const fenced = await fencedChange(one, user.userid);
    const told = hold(one.authority, 'fence' as never, 'before');
    fenced.release();
    // Committed, and not yet told: the next change of the same user has come as far as its own fence.
    await told.reached;
    const waiting = await fencedChange(two, user.userid);
    told.release();
    await fenced.done;
    const left = () => client().pTTL(AuthorityService.key(user.userid, generation()));
    expect(await left()).toBeGreaterThan(80_000_000);
    waiting.release();
    await waiting.done;
    expect(await left()).toBeLessThanOrEqual(30_000);
  });

  test('rule 4: without a lease there is neither call nor login nor change', async () => {
    const user = await one.createUser();
    const opened = await one.open(user);
    one.truth['leaseUntil'] = 0;
    await expect(one.open(user, { epoch: '0.0' })).rejects.toMatchObject({ code: 'unavailable' });
    await expect(one.honours(opened)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(one.sessions.endAll(user.userid, principalOf(opened), CLIENT)).rejects.toMatchObject({
      code: 'unavailable',
    });
    await one.ready();
    expect(await one.honours(opened)).toBe(true);
  });

  test('rule 5: a session that comes back under an old generation is asked about in Postgres', async () => {
    const opened = await one.open(await one.createUser());
    const { userid, sid } = opened.session;
    const key = sessionKey(userid, sid);
    const value = (await client().get(key))!;
    await one.sessions.logout(principalOf(opened), CLIENT);
    await newGeneration();
    // The copy stands already, so that only the generation on the session can send the reader to Postgres.
    await one.warm(await one.open({ userid, apitokenId: opened.session.apitokenId! }));
    await bringBack(key, value);
    expect(await one.honours(opened)).toBe(false);
  });

  test('rule 5: one that was not ended goes on, stamped with the generation its request began under', async () => {
    const opened = await one.open(await one.createUser());
    const { userid, sid } = opened.session;
    await newGeneration();
    const began = generation();
    expect(await one.honours(opened)).toBe(true);
    expect((JSON.parse((await client().get(sessionKey(userid, sid)))!) as unknown[])[3]).toBe(began);
    // From now on the copy decides, without Postgres.
    const asked = hold(one.authority, 'ask', 'before');
    expect(await one.honours(opened)).toBe(true);
    asked.release();
  });

  test('rule 5: the stamp is the generation the request began under, though another has begun since', async () => {
    const opened = await one.open(await one.createUser());
    const { userid, sid } = opened.session;
    await newGeneration();
    const began = generation();
    const filled = hold(one.authority, 'fill', 'after');
    const call = one.honours(opened);
    await filled.reached;
    await newGeneration();
    filled.release();
    await call;
    expect((JSON.parse((await client().get(sessionKey(userid, sid)))!) as unknown[])[3]).toBe(began);
  });

  test('rule 5: the stamp never creates a session that was ended meanwhile', async () => {
    const opened = await one.open(await one.createUser());
    await newGeneration();
    const asked = hold(one.authority, 'ask', 'after');
    const call = one.honours(opened);
    await asked.reached;
    await two.sessions.logout(principalOf(opened), CLIENT);
    asked.release();
    await call;
    expect(await client().exists(sessionKey(opened.session.userid, opened.session.sid))).toBe(0);
    expect(await one.honours(opened)).toBe(false);
  });

  test('rule 6: a reader that was slow does not bring old rights back', async () => {
    const user = await one.createUser(['admin']);
    const opened = await one.open(user);
    const asked = hold(one.authority, 'ask', 'after');
    const call = one.honours(opened);
    await asked.reached;
    await two.authority.change({ target: user.userid }, (tx) =>
      tx.query('DELETE FROM user_roles WHERE userid = $1', [user.userid]),
    );
    // The fence is over, as it will be after 30 s, and nothing stands in the reader's way but its lost placeholder.
    await client().del(AuthorityService.key(user.userid, generation()));
    asked.release();
    await call;
    const found = await two.sessions.authenticate(user.userid, opened.accesstoken);
    expect(found!.authority.roles).toEqual(['user']);
  });

  test('rule 6: what is no copy is decided by Postgres and not filled', async () => {
    const opened = await one.open(await one.createUser());
    const key = AuthorityService.key(opened.session.userid, generation());
    for (const value of ['"!"', '"!somebody"', '"?somebody else"', '{}', '7']) {
      await client().set(key, value);
      expect(await one.honours(opened)).toBe(true);
      expect(await client().get(key)).toBe(value);
    }
  });

  test('rule 7: the fence stands before the commit: a full Redis or a lost one rolls the change back', async () => {
    const user = await one.createUser();
    await client().sendCommand(['SET', 'ballast', 'x'.repeat(1_000_000)]);
    await client().configSet('maxmemory', '1mb');
    await one.authority.change({ target: user.userid }, (tx) =>
      tx.query(`UPDATE users SET status = 'disabled' WHERE userid = $1`, [user.userid]),
    );
    await client().configSet('maxmemory', '0');
    await client().del('ballast');
    expect((await one.authority.ask(user.userid, null))!.authority.status).toBe('disabled');
    const lost = one.authority.change({ target: user.userid }, async (tx) => {
      await tx.query(`UPDATE users SET status = 'active' WHERE userid = $1`, [user.userid]);
      one.redis.reconnect();
    });
    await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
    expect((await two.authority.ask(user.userid, null))!.authority.status).toBe('disabled');
  });

  test('rule 7: a copy that is filled between fence and commit does not outlive the answer', async () => {
    const user = await one.createUser(['admin']);
    const opened = await one.open(user);
    const fenced = await fencedChange(one, user.userid, (tx) =>
      tx.query('DELETE FROM user_roles WHERE userid = $1', [user.userid]),
    );
    // The first fence is gone before the commit (FLUSHALL, expiry), and a reader fills the state of before.
    await client().del(AuthorityService.key(user.userid, generation()));
    await two.warm(opened);
    fenced.release();
    await fenced.done;
    const found = await two.sessions.authenticate(user.userid, opened.accesstoken);
    expect(found!.authority.roles).toEqual(['user']);
  });

  test('rule 7: while a change is under way nobody fills: readers ask Postgres', async () => {
    const user = await one.createUser(['admin']);
    const opened = await one.open(user);
    await two.warm(opened);
    const fenced = await fencedChange(one, user.userid, (tx) =>
      tx.query('DELETE FROM user_roles WHERE userid = $1', [user.userid]),
    );
    expect((await two.sessions.authenticate(user.userid, opened.accesstoken))!.authority.roles).toContain('admin');
    expect(await client().get(AuthorityService.key(user.userid, generation()))).toMatch(FENCE);
    fenced.release();
    await fenced.done;
  });

  test('rule 7: a change that cannot be told within 2 s is 503 outcome_unknown', async () => {
    const user = await one.createUser();
    const fenced = await fencedChange(one, user.userid);
    await redis.kill('SIGSTOP');
    fenced.release();
    await expect(fenced.done).rejects.toMatchObject({ code: 'outcome_unknown' });
    await redis.kill('SIGCONT');
  });

  test('rule 8: an end is on record before the key goes', async () => {
    const opened = await one.open(await one.createUser());
    const { sid } = opened.session;
    const removal = hold(one.store as RedisSessionStore, 'remove', 'before');
    const logout = one.sessions.logout(principalOf(opened), CLIENT);
    await removal.reached;
    expect(await one.db.query('SELECT sid FROM session_ends WHERE sid = $1', [sid])).toHaveLength(1);
    removal.release();
    await logout;
    expect(await two.honours(opened)).toBe(false);
  });

  test('rule 8: an end that is committed holds, though its process dies before the key goes', async () => {
    const opened = await one.open(await one.createUser());
    await two.warm(opened);
    const removal = hold(one.store as RedisSessionStore, 'remove', 'before');
    const logout = one.sessions.logout(principalOf(opened), CLIENT);
    await removal.reached;
    expect(await two.honours(opened)).toBe(false);
    expect(await one.honours(opened)).toBe(false);
    removal.release();
    await logout;
  });

  test('rule 8: whoever asks between the fence and the commit stamps nothing over the fence', async () => {
    const opened = await one.open(await one.createUser());
    await two.warm(opened);
    const beforeCommit = hold(one.sessions['audit'], 'record', 'before');
    const removal = hold(one.store as RedisSessionStore, 'remove', 'before');
    const logout = one.sessions.logout(principalOf(opened), CLIENT);
    await beforeCommit.reached;
    expect(await two.honours(opened)).toBe(true);
    beforeCommit.release();
    await removal.reached;
    expect(await two.honours(opened)).toBe(false);
    removal.release();
    await logout;
  });

  test('rule 8: an end under a generation that is no longer in force is refused and not recorded', async () => {
    const opened = await one.open(await one.createUser());
    await replacedUnseen(async () => {
      const logout = one.sessions.logout(principalOf(opened), CLIENT);
      await expect(logout).rejects.toMatchObject({ code: 'unavailable' });
    });
    expect(await one.db.query('SELECT sid FROM session_ends WHERE sid = $1', [opened.session.sid])).toEqual([]);
  });

  test('rule 8: a logout during which the generation changed holds under the new one', async () => {
    const opened = await one.open(await one.createUser());
    const key = sessionKey(opened.session.userid, opened.session.sid);
    const value = (await client().get(key))!;
    const removal = hold(one.store as RedisSessionStore, 'remove', 'before');
    const logout = one.sessions.logout(principalOf(opened), CLIENT);
    await removal.reached;
    await newGeneration();
    removal.release();
    await logout;
    await bringBack(key, value);
    expect(await two.honours(opened)).toBe(false);
  });

  test.each(['epoch', 'session', 'apitoken', 'role', 'status'] as const)(
    'rule 9: the actor is looked at again inside the transaction (%s)',
    async (what) => {
      const admin = await one.createUser(['admin']);
      const opened = await one.open(admin);
      const target = await one.createUser();
      const actor = principalOf(opened, ['admin', 'user']);
      const other = principalOf(await one.open(admin), ['admin', 'user']);
      const sql = {
        epoch: () => two.sessions.endAll(admin.userid, other, CLIENT),
        session: () => two.sessions.end(admin.userid, opened.session.sid, other, CLIENT),
        apitoken: () => two.db.query('DELETE FROM apitokens WHERE id = $1', [admin.apitokenId]),
        role: () => two.db.query('DELETE FROM user_roles WHERE userid = $1', [admin.userid]),
        status: () => two.db.query(`UPDATE users SET status = 'disabled' WHERE userid = $1`, [admin.userid]),
      };
      await sql[what]();
      const change = { target: target.userid, actor, actorRoles: ['admin'] };
      await expect(
        one.authority.change(change, (tx) =>
          tx.query(`UPDATE users SET status = 'disabled' WHERE userid = $1`, [target.userid]),
        ),
      ).rejects.toMatchObject({ code: 'unauthenticated' });
      expect((await one.authority.ask(target.userid, null))!.authority.status).toBe('active');
    },
  );

  test('rule 7: a change under a generation that is no longer in force is refused', async () => {
    const user = await one.createUser();
    await replacedUnseen(async () => {
      const change = one.authority.change({ target: user.userid }, (tx) =>
        tx.query(`UPDATE users SET status = 'disabled' WHERE userid = $1`, [user.userid]),
      );
      await expect(change).rejects.toMatchObject({ code: 'unavailable' });
    });
    expect((await one.authority.ask(user.userid, null))!.authority.status).toBe('active');
  });

  test("rule 10: a session of another epoch is refused, the world's or the user's own", async () => {
    const user = await one.createUser();
    const opened = await one.open(user);
    await one.warm(opened);
    const [world, own] = opened.session.epoch.split('.').map(Number) as [number, number];
    for (const epoch of [`${world}.${own + 1}`, `${world + 1}.${own}`, `${world - 1}.${own}`, `${own}.${world}0`]) {
      expect(await one.honours(await one.open(user, { epoch }))).toBe(false);
    }
  });

  test("rule 10: everybody's sessions end on every process, after one lease, and a login in flight too", async () => {
    const admin = await one.createUser(['admin']);
    const mine = principalOf(await one.open(admin), ['admin', 'user']);
    const user = await one.createUser();
    const opened = await one.open(user);
    const epoch = await one.epochOf(user.userid);
    await two.warm(opened);
    const began = performance.now();
    await one.sessions.endEverybodys(mine, CLIENT);
    expect(performance.now() - began).toBeGreaterThanOrEqual(LEASE_MS - 20);
    await two.ready();
    expect([await one.honours(opened), await two.honours(opened)]).toEqual([false, false]);
    expect(await one.honours(await one.open(user, { epoch }))).toBe(false);
  });

  test('rule 8: an end is on record for a day beyond the session’s own end', async () => {
    const opened = await one.open(await one.createUser());
    await one.sessions.logout(principalOf(opened), CLIENT);
    const [row] = await one.db.query<{ until: number }[]>(
      'SELECT extract(epoch FROM kept_until)::float8 * 1000 AS until FROM session_ends WHERE sid = $1',
      [opened.session.sid],
    );
    expect(Math.round(row!.until)).toBe(opened.session.absoluteEnd + 86_400_000);
  });

  test('rule 10: ending everybody waits for a change in flight', async () => {
    const admin = await one.createUser(['admin']);
    const opened = await one.open(admin);
    const actor = principalOf(opened, ['admin', 'user']);
    const fenced = hold(two.authority, 'fence' as never, 'before');
    const change = two.authority.change({ target: admin.userid, actor }, async () => undefined);
    await fenced.reached;
    let ended = false;
    const ending = one.sessions.endEverybodys(actor, CLIENT).then(() => (ended = true));
    await eventually(async () => {
      const waiting: unknown[] = await one.db.query(
        `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE generation%'
           AND datname = current_database()`,
      );
      return waiting.length > 0;
    });
    expect(ended).toBe(false);
    fenced.release();
    await change;
    await ending;
  });

  test('rule 10: changes that overlap without an end do not keep everybody’s sessions from ending', async () => {
    const admin = await two.createUser(['admin']);
    const actor = principalOf(await two.open(admin), ['admin', 'user']);
    const user = await one.createUser();
    let over = false;
    const lanes = Array.from({ length: 8 }, async () => {
      while (!over) {
        await one.authority.change({ target: user.userid }, async () => undefined).catch(() => sleep(10));
      }
    });
    await two.sessions.endEverybodys(actor, CLIENT).finally(() => (over = true));
    await Promise.all(lanes);
    await Promise.all([one.ready(), two.ready()]);
  });

  test('rule 11: a session in place of another bears the epoch of its transaction, not a later one', async () => {
    const user = await one.createUser();
    const opened = await one.open(user);
    const other = await one.open(user);
    const creation = hold(one.sessions, 'openInPlaceOf', 'before');
    const renewal = one.sessions.endOthers(principalOf(opened), CLIENT);
    await creation.reached;
    const login = await two.open(user);
    await two.sessions.endAll(user.userid, principalOf(login), CLIENT);
    creation.release();
    const renewed = await renewal;
    expect([await one.honours(renewed), await one.honours(other), await one.honours(opened)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test('rule 12: a session bears the epoch it was opened with, the generation and the apitoken', async () => {
    const user = await one.createUser();
    const opened = await one.open(user);
    const { userid, sid, epoch, apitokenId } = opened.session;
    const record = JSON.parse((await client().get(sessionKey(userid, sid)))!) as unknown[];
    expect([record[2], record[3], record[4]]).toEqual([epoch, generation(), apitokenId]);
    await one.db.query('UPDATE users SET epoch = epoch + 1 WHERE userid = $1', [userid]);
    const late = await one.open(user, { epoch });
    expect(late.session.epoch).toBe(epoch);
    expect(await one.honours(late)).toBe(false);
  });

  test('rule 12: touch and stamp change one field each and make no key', async () => {
    const opened = await one.open(await one.createUser());
    const { userid, sid } = opened.session;
    const key = sessionKey(userid, sid);
    const before = JSON.parse((await client().get(key))!) as unknown[];
    await one.store.touch(opened.session);
    const after = JSON.parse((await client().get(key))!) as unknown[];
    expect(after.toSpliced(7, 1)).toEqual(before.toSpliced(7, 1));
    await client().del(key);
    await one.store.touch(opened.session);
    expect(await client().exists(key)).toBe(0);
  });

  test('rule 12: the TTL is the judge, and a full Redis leaves the call decided', async () => {
    const opened = await one.open(await one.createUser(), { isApp: true });
    const key = sessionKey(opened.session.userid, opened.session.sid);
    const left = await client().pTTL(key);
    expect(left).toBeLessThanOrEqual(300_000);
    expect(left).toBeGreaterThan(290_000);
    const record = JSON.parse((await client().get(key))!) as unknown[];
    record[7] = (record[7] as number) - 1_000_000;
    await client().set(key, JSON.stringify(record), { expiration: 'KEEPTTL' });
    await client().sendCommand(['SET', 'ballast', 'x'.repeat(1_000_000)]);
    await client().configSet('maxmemory', '1mb');
    expect(await one.honours(opened)).toBe(true);
    await client().configSet('maxmemory', '0');
    await client().del('ballast');
  });

  test('a full Redis does not stop a logout', async () => {
    const opened = await one.open(await one.createUser());
    await client().sendCommand(['SET', 'ballast', 'x'.repeat(1_000_000)]);
    await client().configSet('maxmemory', '1mb');
    await one.sessions.logout(principalOf(opened), CLIENT);
    await client().configSet('maxmemory', '0');
    await client().del('ballast');
    expect(await two.honours(opened)).toBe(false);
  });

  test.each(['junk', '"?"', '[]', '[null,null,null,null,null]', '{}'])(
    'what is no copy of an authority (%s) leaves the decision to Postgres',
    async (value) => {
      const opened = await one.open(await one.createUser());
      const key = AuthorityService.key(opened.session.userid, generation());
      await client().set(key, value);
      expect(await one.honours(opened)).toBe(true);
      expect(await client().get(key)).toBe(value);
    },
  );

  test.each(['junk', '[]', '{}', JSON.stringify(Array(13).fill(null)), JSON.stringify(Array(13).fill('x'))])(
    'what is no session (%s) is nobody, and does not hide the others',
    async (value) => {
      const user = await one.createUser();
      const [junk, kept] = [await one.open(user), await one.open(user)];
      await client().set(sessionKey(user.userid, junk.session.sid), value);
      expect(await one.honours(junk)).toBe(false);
      expect((await one.sessions.list(user.userid)).map(({ sid }) => sid)).toEqual([kept.session.sid]);
    },
  );

  test('scripts run again after SCRIPT FLUSH', async () => {
    const user = await one.createUser();
    const opened = await one.open(user);
    await client().scriptFlush();
    await one.store.touch(opened.session);
    expect(await one.honours(await one.open(user))).toBe(true);
  });
});
