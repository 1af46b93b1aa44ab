import { jest } from '@jest/globals';
import { Problem } from '../../src/common/problem.js';
import type { OpenedSession } from '../../src/sessions/sessions.service.js';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';
import { CLIENT, SessionProcess, principalOf } from './session-process.js';

const DAY_MS = 86_400_000;

/** What sessions lie in, and the environment that says so. */
export interface Place {
  readonly env: Readonly<Record<string, string>>;
  /** Default: one of the Postgres that all tests share. */
  readonly databaseUrl?: string;
  stop(): Promise<void>;
}

/** In this Postgres alone, or in the Redis that the environment names. */
export function describeContract(name: string, start: () => Promise<Place>): void {
  describe(`sessions in ${name}`, () => {
    let database: TestDatabase | undefined;
    let place: Place;
    let one: SessionProcess;

    beforeAll(async () => {
      place = await start();
      if (place.databaseUrl === undefined) database = await createTestDatabase();
      const databaseUrl = place.databaseUrl ?? database!.url;
      // A machine with other work to do does not lose this lease so soon.
      const env = { SESSIONS_PER_USER: '3', TRUTH_LEASE_MS: '3000', ...place.env };
      one = await (await SessionProcess.start(databaseUrl, place.env['REDIS_URL'] ?? null, env)).ready();
    }, 60_000);

    afterAll(async () => {
      await one?.stop();
      await place?.stop();
      await database?.drop();
    });

    test('a session is created for its device and recognised by userid and accesstoken', async () => {
      const user = await one.createUser(['admin']);
      const opened = await one.open(user, { deviceName: 'My phone' });
      const found = await one.sessions.authenticate(user.userid, opened.accesstoken);
      expect(found?.session).toMatchObject({ ...user, mode: 'token', deviceName: 'My phone', ip: CLIENT.ip });
      expect(found?.authority.roles).toEqual(['admin', 'user']);
    });

    test('nothing else is recognised: another secret, another user, another kind of token, junk', async () => {
      const user = await one.createUser();
      const other = await one.createUser();
      const opened = await one.open(user);
      const wrongSecret = opened.accesstoken.slice(0, -4) + (opened.accesstoken.endsWith('AAAA') ? 'BBBB' : 'AAAA');
      for (const [userid, token] of [
        [user.userid, wrongSecret],
        [other.userid, opened.accesstoken],
        [user.userid, opened.accesstoken.replace('act_', 'apt_')],
        [user.userid, 'act_x_y'],
        [user.userid, ''],
      ] as const) {
        expect(await one.sessions.authenticate(userid, token)).toBeNull();
      }
      expect(await one.honours(opened)).toBe(true);
    });

    test('its end is the sooner of idle and absolute; the apitoken caps the absolute one', async () => {
      const user = await one.createUser();
      const { session } = await one.open(user);
      expect(session.absoluteEnd - session.createdAt).toBe(DAY_MS);
      expect(session.idleMs).toBe(3_600_000);
      const notAfter = session.createdAt + 5_000_000;
      expect((await one.open(user, { notAfter })).session.absoluteEnd).toBe(notAfter);
      await expect(one.open(user, { notAfter: session.createdAt - 1 })).rejects.toMatchObject({
        code: 'unauthenticated',
      });
    });

    test('an app account: 300 s, no cap', async () => {
      const app = await one.createUser(['app']);
      const opened = [];
      for (let n = 0; n < 5; n++) opened.push(await one.open(app, { isApp: true }));
      expect(opened[0]!.session.absoluteEnd - opened[0]!.session.createdAt).toBe(300_000);
      expect(await Promise.all(opened.map((each) => one.honours(each)))).toEqual([true, true, true, true, true]);
    });

    test('a touch lets idle slide and leaves the absolute end', async () => {
      const opened = await one.open(await one.createUser());
      await age(opened.session.userid, opened.session.sid, 1_000_000);
      const aged = (await one.store.list(opened.session.userid))[0]!;
      await one.store.touch(aged);
      const touched = (await one.store.list(opened.session.userid))[0]!;
      expect(touched.lastSeenAt).toBeGreaterThanOrEqual(aged.lastSeenAt + 1_000_000);
      expect({ ...touched, lastSeenAt: 0 }).toEqual({ ...aged, lastSeenAt: 0 });
    });

    test('a call touches at most once per twelfth of the idle time', async () => {
      const opened = await one.open(await one.createUser());
      const { userid, sid, lastSeenAt } = opened.session;
      await age(userid, sid, 200_000);
      expect(await one.honours(opened)).toBe(true);
      expect((await one.store.list(userid))[0]!.lastSeenAt).toBe(lastSeenAt - 200_000);
      await age(userid, sid, 200_000);
      expect(await one.honours(opened)).toBe(true);
      expect((await one.store.list(userid))[0]!.lastSeenAt).toBeGreaterThanOrEqual(lastSeenAt);
    });

    test('a touch never makes a session', async () => {
      const opened = await one.open(await one.createUser());
      await one.sessions.logout(principalOf(opened), CLIENT);
      await one.store.touch(opened.session);
      expect(await one.store.list(opened.session.userid)).toEqual([]);
    });

    test('above the cap the one created first goes, never the one just made', async () => {
      const opened = await one.openInTurn(await one.createUser(), 4);
      expect(await Promise.all(opened.map((each) => one.honours(each)))).toEqual([false, true, true, true]);
    });

    test('50 leave the cap standing, 25 of them at once, and every other token is refused', async () => {
      const user = await one.createUser();
      // More at once would wait longer for the ten connections of the pool than a slow machine lets them.
      const open25 = () => Promise.all(Array.from({ length: 25 }, () => one.open(user)));
      const opened = [...(await open25()), ...(await open25())];
      const honoured = await Promise.all(opened.map((each) => one.honours(each)));
      expect(honoured.filter(Boolean).length).toBeLessThanOrEqual(3);
      expect(honoured.filter(Boolean).length).toBeGreaterThan(0);
      expect((await one.sessions.list(user.userid)).length).toBe(honoured.filter(Boolean).length);
    });

    test('sessions of an older epoch do not count against the cap', async () => {
      const user = await one.createUser();
      const before = await one.open(user);
      await one.sessions.endAll(user.userid, principalOf(before), CLIENT);
      const after = [await one.open(user), await one.open(user), await one.open(user)];
      expect(await Promise.all(after.map((each) => one.honours(each)))).toEqual([true, true, true]);
    });

    test('sessions of a deleted apitoken do not count against the cap', async () => {
      const user = await one.createUser();
      const { apitokenId: lost } = await one.createUser();
      await one.db.query('UPDATE apitokens SET userid = $1 WHERE id = $2', [user.userid, lost]);
      const first = await one.open(user);
      for (let n = 0; n < 2; n++) await one.open({ userid: user.userid, apitokenId: lost });
      await one.authority.change({ target: user.userid }, (tx) =>
        tx.query('DELETE FROM apitokens WHERE id = $1', [lost]),
      );
      await one.open(user);
      expect(await one.honours(first)).toBe(true);
    });

    test('a session that could not be written down is taken away again', async () => {
      const user = await one.createUser();
      const opening = { ...user, epoch: '0.0', mode: 'token', isApp: false, deviceName: null } as const;
      const opened = one.sessions.open({ ...opening, notAfter: null, authTime: null }, CLIENT, () =>
        Promise.reject(new Error('the audit is away')),
      );
      await expect(opened).rejects.toThrow('the audit is away');
      expect(await one.store.list(user.userid)).toEqual([]);
    });

    test('what fails after the old sessions are over is no 503 that says "nothing changed"', async () => {
      const mine = await one.open(await one.createUser());
      jest.spyOn(one.store, 'create').mockRejectedValueOnce(new Problem('unavailable'));
      await expect(one.sessions.endOthers(principalOf(mine), CLIENT)).rejects.toMatchObject({
        code: 'outcome_unknown',
      });
      expect(await one.honours(mine)).toBe(false);
    });

    test.each([-7_200_000, 7_200_000])('a clock of the process that is %d ms off decides nothing', async (off) => {
      const opened = await one.open(await one.createUser());
      const { userid, sid, lastSeenAt } = opened.session;
      const now = Date.now.bind(Date);
      const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + off);
      expect(one.sessions.provedWithin(userid, opened.session, 60)).toBe(true);
      expect(one.sessions.provedWithin(userid, { authTime: opened.session.authTime - 61_000 }, 60)).toBe(false);
      await age(userid, sid, 400_000);
      expect(await one.honours(opened)).toBe(true);
      clock.mockRestore();
      expect((await one.store.list(userid))[0]!.lastSeenAt).toBeGreaterThanOrEqual(lastSeenAt);
    });

    test('the list shows live sessions, newest first', async () => {
      const user = await one.createUser();
      const [first, second] = (await one.openInTurn(user, 2)) as [OpenedSession, OpenedSession];
      expect((await one.sessions.list(user.userid)).map(({ sid }) => sid)).toEqual([
        second.session.sid,
        first.session.sid,
      ]);
      await one.sessions.logout(principalOf(first), CLIENT);
      expect((await one.sessions.list(user.userid)).map(({ sid }) => sid)).toEqual([second.session.sid]);
    });

    test('one is revoked, the others stay; somebody else cannot', async () => {
      const user = await one.createUser();
      const [kept, ended] = [await one.open(user), await one.open(user)];
      const stranger = principalOf(await one.open(await one.createUser()));
      await expect(one.sessions.end(stranger.userid, ended.session.sid, stranger, CLIENT)).rejects.toMatchObject({
        code: 'not_found',
      });
      await one.sessions.end(user.userid, ended.session.sid, principalOf(kept), CLIENT);
      expect([await one.honours(kept), await one.honours(ended)]).toEqual([true, false]);
      await expect(one.sessions.end(user.userid, ended.session.sid, principalOf(kept), CLIENT)).rejects.toMatchObject({
        code: 'not_found',
      });
    });

    test('others are revoked: a new session with the end and the proof of the old one', async () => {
      const user = await one.createUser();
      const [mine, other] = [await one.open(user, { authTime: 1_700_000_000_000 }), await one.open(user)];
      const fresh = await one.sessions.endOthers(principalOf(mine), CLIENT);
      expect([await one.honours(mine), await one.honours(other), await one.honours(fresh)]).toEqual([
        false,
        false,
        true,
      ]);
      expect(fresh.session.absoluteEnd).toBe(mine.session.absoluteEnd);
      expect(fresh.session.authTime).toBe(1_700_000_000_000);
    });

    test('all are revoked by the epoch', async () => {
      const user = await one.createUser();
      const [mine, other] = [await one.open(user), await one.open(user)];
      await one.sessions.endAll(user.userid, principalOf(mine), CLIENT);
      expect([await one.honours(mine), await one.honours(other)]).toEqual([false, false]);
      expect(await one.honours(await one.open(user))).toBe(true);
    });

    test("a session's apitoken must be live", async () => {
      const user = await one.createUser();
      const opened = await one.open(user);
      await one.authority.change({ target: user.userid }, (tx) =>
        tx.query('DELETE FROM apitokens WHERE id = $1', [user.apitokenId]),
      );
      expect(await one.honours(opened)).toBe(false);
      expect(await one.sessions.list(user.userid)).toEqual([]);
    });

    test("everybody's sessions are ended", async () => {
      const admin = await one.createUser(['admin']);
      const [mine, other] = [await one.open(admin), await one.open(await one.createUser())];
      await one.sessions.endEverybodys(principalOf(mine), CLIENT);
      expect([await one.honours(mine), await one.honours(other)]).toEqual([false, false]);
      await expect(one.sessions.endEverybodys(principalOf(mine), CLIENT)).rejects.toMatchObject({
        code: 'unauthenticated' satisfies Problem['code'],
      });
    });

    /** Moves the last use back, as if so much time had passed; the absolute end stays. */
    async function age(userid: string, sid: string, ms: number): Promise<void> {
      if (place.env['REDIS_URL'] === undefined) {
        await one.db.query(
          `UPDATE sessions SET last_seen_at = last_seen_at - $2 * interval '1 ms',
           expires_at = expires_at - $2 * interval '1 ms' WHERE sid = $1`,
          [sid, ms],
        );
        return;
      }
      const key = `session:{${userid}}:${sid}`;
      const record = JSON.parse((await one.redis.at(key).client.get(key))!) as unknown[];
      record[7] = (record[7] as number) - ms;
      await one.redis.at(key).client.set(key, JSON.stringify(record), { expiration: 'KEEPTTL' });
    }
  });
}
