import { tally, type Fleet } from '../races/fleet.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { api, expectStatus, type TokenLogin, type User } from '../support/client.js';
import { MortalRedis } from '../support/mortal-redis.js';
import { adopted, ask, change, decide, generationOf, inLanes, report, startFleet, times } from './world.js';

const SLOW = 400_000;
const PER_USER = 20;

let redis: MortalRedis;
let fleet: Fleet;

beforeAll(async () => {
  redis = await MortalRedis.start();
  fleet = await startFleet({ redisUrl: redis.url });
}, SLOW);

afterAll(async () => {
  await fleet?.close();
  await redis?.stop();
}, SLOW);

/** Kills Redis, starts it again with what it held at the dump or with nothing, and waits until both serve on it. */
async function bringBack(from: 'dump' | 'nothing'): Promise<void> {
  const before = await generationOf(fleet);
  await redis.kill();
  await redis.restart(from);
  await adopted(fleet, before);
}

/** `PER_USER` sessions of each, opened through either process. */
async function openSessions(users: readonly User[]): Promise<TokenLogin[]> {
  return times(users.length * PER_USER, (at) => fleet.session(fleet.both[at % 2]!, users[at % users.length]!));
}

/** What each of these processes says to each of the sessions. */
async function askAll(apps: readonly TestApp[], sessions: readonly TokenLogin[]): Promise<number[]> {
  return (await inLanes(sessions, (as) => Promise.all(apps.map((app) => decide(app, as))))).flat();
}

/** What one or the other process says to each of them, undecided or not. */
async function askEither(sessions: readonly TokenLogin[]): Promise<number[]> {
  return inLanes(sessions, (as, at) => ask(fleet.both[at % 2]!, as));
}

function accepted(statuses: readonly number[]): number {
  return statuses.filter((status) => status < 300).length;
}

describe("everybody's sessions ended", () => {
  it(
    'none is honoured after the 204, nor when Redis has been rolled back to when they stood',
    async () => {
      const users = await times(50, () => fleet.user());
      const sessions = await openSessions(users);
      expect(tally(await askAll([fleet.one], sessions))).toEqual({ 204: 1000 });
      await redis.dump();
      const admin = await fleet.adminSession(fleet.one);
      const before = await generationOf(fleet);
      const began = performance.now();
      expectStatus(await api(fleet.one.url).delete('/v1/all-sessions', { as: admin }), 204);
      const tookMs = Math.round(performance.now() - began);
      // The other process may have no lease yet: then it honours nobody.
      const atOnce = await askEither([admin, ...sessions]);
      await adopted(fleet, before);
      const later = await askAll(fleet.both, [admin, ...sessions]);
      const login = await fleet.session(fleet.two, users[0]!);
      const anew = await askAll(fleet.both, [login]);

      await bringBack('dump');
      const rolledBack = await askAll(fleet.both, [admin, ...sessions]);
      const again = await askAll(fleet.both, [await fleet.session(fleet.one, users[0]!)]);
      report("everybody's sessions ended", {
        sessions: sessions.length,
        'ms to the 204': tookMs,
        'accepted at once': accepted(atOnce),
        'when both have a lease': accepted(later),
        'after the roll-back': accepted(rolledBack),
        refused: { atOnce: tally(atOnce), later: tally(later), rolledBack: tally(rolledBack) },
      });
      expect(accepted(atOnce)).toBe(0);
      expect(tally(later)).toEqual({ 401: 2002 });
      expect(tally(rolledBack)).toEqual({ 401: 2002 });
      // It was not that nobody is let in any more.
      expect([anew, again]).toEqual([
        [204, 204],
        [204, 204],
      ]);
    },
    SLOW,
  );
});

/** What was answered 2xx after the dump, and may therefore never be undone. */
interface Endings {
  readonly 'logged out': readonly TokenLogin[];
  readonly 'password changed': readonly TokenLogin[];
  readonly disabled: readonly TokenLogin[];
}

describe('Redis killed with -9', () => {
  const COUNT = 500;

  it(
    'and started from an older dump, emptied, and started from that dump once more: nothing that ended is back',
    async () => {
      const some = await times(COUNT / PER_USER, () => fleet.user());
      const changing = await times(COUNT, () => fleet.user());
      const disabled = await times(COUNT, () => fleet.user());
      const kept = await openSessions(some);
      const endings: Endings = {
        'logged out': await openSessions(some),
        'password changed': await inLanes(changing, (user) => fleet.session(fleet.one, user)),
        disabled: await inLanes(disabled, (user) => fleet.session(fleet.two, user)),
      };
      // Every copy of what is true of them stands in the dump too.
      const all = [...kept, ...Object.values(endings).flat()];
      expect(tally(await askAll([fleet.one], all))).toEqual({ 204: 4 * COUNT });
      await redis.dump();
      await endAll(endings, changing);
      const late = await fleet.session(fleet.one, some[0]!);

      await bringBack('dump');
      const third = await startThird();
      try {
        const apps = [...fleet.both, third];
        await expectEnded('rolled back', apps, endings);
        // What was opened after the dump is lost, and everything of before is there without a new login.
        expect(await askAll(apps, [late])).toEqual([401, 401, 401]);
        await expectKept('rolled back', apps, kept, 204);
      } finally {
        await third.close();
      }
      await bringBack('nothing');
      await expectEnded('emptied', [fleet.one], endings);
      await expectKept('emptied', [fleet.two], kept, 401);
      await bringBack('dump');
      await expectEnded('rolled back again', [fleet.two], endings);
      await expectKept('rolled back again', [fleet.one], kept, 204);
    },
    SLOW,
  );

  /** Through either process; some of the disabled are enabled again, which brings no session back. */
  async function endAll(endings: Endings, changing: readonly User[]): Promise<void> {
    const url = (at: number) => fleet.both[at % 2]!.url;
    await inLanes(endings['logged out'], async (as, at) => {
      await change(204, () => api(url(at)).post('/v1/auth/logout', undefined, { as }));
    });
    await inLanes(endings['password changed'], async (as, at) => {
      const body = { currentPassword: changing[at]!.password, newPassword: `marbles under ${at} quiet stairs` };
      await change(200, () => api(url(at)).post('/v1/users/me/password', body, { as }));
    });
    const admin = await fleet.adminSession(fleet.one);
    await inLanes(endings.disabled, async ({ userid }, at) => {
      const path = `/v1/users/${userid}`;
      await change(200, () => api(url(at)).patch(path, { status: 'disabled' }, { as: admin }));
      if (at % 5 !== 0) return;
      await change(200, () => api(url(at + 1)).patch(path, { status: 'active' }, { as: admin }));
    });
  }

  /** A process that has never seen the Redis of before. */
  function startThird(): Promise<TestApp> {
    const { databaseUrl, config } = fleet.one;
    return startTestApp({ databaseUrl, redisUrl: redis.url, env: { TRUTH_LEASE_MS: String(config.truthLeaseMs) } });
  }

  async function expectEnded(when: string, apps: readonly TestApp[], endings: Endings): Promise<void> {
    for (const [what, sessions] of Object.entries(endings) as [string, TokenLogin[]][]) {
      const answers = await askAll(apps, sessions);
      report(when, { what, asked: answers.length, accepted: accepted(answers), refused: tally(answers) });
      expect(sessions).toHaveLength(COUNT);
      expect(tally(answers)).toEqual({ 401: COUNT * apps.length });
    }
  }

  async function expectKept(
    when: string,
    apps: readonly TestApp[],
    kept: readonly TokenLogin[],
    status: 204 | 401,
  ): Promise<void> {
    const answers = await askAll(apps, kept);
    report(when, { what: 'not ended', asked: answers.length, accepted: accepted(answers) });
    expect(tally(answers)).toEqual({ [status]: COUNT * apps.length });
  }
});
