import { parseToken } from '../../src/common/secret-token.js';
import { inTransaction } from '../../src/database/transaction.js';
import { SessionStore } from '../../src/sessions/session-store.js';
import { tally, type Fleet } from '../races/fleet.js';
import type { TestApp } from '../support/app.js';
import { eventually } from '../support/barrier.js';
import { api, expectStatus, type Reply, type TokenLogin, type User } from '../support/client.js';
import { MortalPostgres } from '../support/mortal-postgres.js';
import { MortalRedis } from '../support/mortal-redis.js';
import { Watch, type Answer, type Call } from './watch.js';
import { decide, inLanes, report, startFleet, times } from '../fleet/world.js';

const SLOW = 400_000;
const LEASE_MS = 2000;
/** What is promised. Printed beside what was seen. */
const BACK_WITHIN_MS = LEASE_MS + 1000;
/** What fails the test: a machine that is busy with others is slower, and a test is no stopwatch. */
const BACK_AT_ALL_MS = 3 * BACK_WITHIN_MS;
/** Contract: every request is answered within this. */
const ANSWERED_MS = 5000;
/** What needs the truth; `livez` does not. */
const GUARDED = ['check', 'me', 'login', 'readyz'];

/** A session that was to be ended while something was away, and what was answered. */
interface Ending {
  readonly as: TokenLogin;
  readonly reply: Reply<unknown>;
}

/** Two processes under way, and what happens to them is written down. */
class Scene {
  readonly endings: Ending[] = [];
  /** Who tried to log in. */
  readonly visitors = new Set<User>();
  /** The ids of the sessions that somebody was given. */
  private readonly told = new Set<string>();

  private constructor(
    readonly fleet: Fleet,
    private readonly users: readonly User[],
    private readonly standing: TokenLogin,
    private readonly toLogOut: TokenLogin[],
    private readonly toDisable: TokenLogin[],
    private readonly admin: TokenLogin,
  ) {
    for (const as of [standing, ...toLogOut]) this.told.add(sidOf(as));
  }

  static async set(fleet: Fleet): Promise<Scene> {
    const users = await times(60, () => fleet.user());
    const session = (user: User) => fleet.session(fleet.one, user);
    const toDisable = await inLanes(await times(100, () => fleet.user()), session);
    const toLogOut = await times(400, (at) => session(users[at % users.length]!));
    const admin = await fleet.adminSession(fleet.one);
    return new Scene(fleet, users, await session(users[0]!), toLogOut, toDisable, admin);
  }

  /** Reads, logins, and sessions that end, of both processes all the time. */
  watch(): Watch {
    let next = 0;
    const get =
      (path: string): Call =>
      (app) =>
        api(app.url).get(path, { as: this.standing });
    return new Watch(this.fleet.both, {
      check: get('/v1/auth/check'),
      me: get('/v1/users/me'),
      livez: (app) => api(app.url).get('/livez'),
      readyz: (app) => api(app.url).get('/readyz'),
      login: (app) => this.login(app, this.users[next++ % this.users.length]!),
      logout: (app) => this.end(this.toLogOut.shift(), (as) => api(app.url).post('/v1/auth/logout', undefined, { as })),
      disable: (app) =>
        this.end(this.toDisable.shift(), ({ userid }) =>
          api(app.url).patch(`/v1/users/${userid}`, { status: 'disabled' }, { as: this.admin }),
        ),
    });
  }

  async login(app: TestApp, user: User): Promise<Reply<unknown>> {
    const { username, password, apitoken } = user;
    this.visitors.add(user);
    const reply = await api(app.url).post<TokenLogin>('/v1/auth/login', { username, password, apitoken });
    if (reply.status === 200) this.told.add(sidOf(reply.body));
    return reply;
  }

  /** How many live sessions there are of which nobody was told. */
  async untold(): Promise<number> {
    const lists = await inLanes([...this.visitors], async (user) => {
      const as = await this.fleet.session(this.fleet.one, user);
      this.told.add(sidOf(as));
      const page = await api(this.fleet.two.url).get<{ items: { id: string }[] }>('/v1/sessions?limit=100', { as });
      return expectStatus(page, 200).items;
    });
    return lists.flat().filter(({ id }) => !this.told.has(id)).length;
  }

  private end(
    as: TokenLogin | undefined,
    call: (as: TokenLogin) => Promise<Reply<unknown>>,
  ): Promise<Reply<unknown>> | undefined {
    if (as === undefined) return undefined;
    return call(as).then((reply) => {
      this.endings.push({ as, reply });
      return reply;
    });
  }
}

function sidOf({ accesstoken }: TokenLogin): string {
  return parseToken('act', accesstoken)!.id;
}

/** What was asked between two moments. */
function between(answers: readonly Answer[], from: number, to: number): Answer[] {
  return answers.filter(({ sentAt }) => sentAt >= from && sentAt < to);
}

const worked = ({ status }: Answer) => status < 300;
const named =
  (...names: readonly string[]) =>
  (answer: Answer) =>
    names.includes(answer.name);
const slowest = (answers: readonly Answer[]) => Math.round(Math.max(...answers.map(({ tookMs }) => tookMs)));

/** How long after `since` the last call was sent that `wanted` says yes to, in ms; 0 where there is none. */
function lastAfter(answers: readonly Answer[], since: number, wanted: (answer: Answer) => boolean): number {
  return Math.round(Math.max(0, ...answers.filter(wanted).map(({ sentAt }) => sentAt - since)));
}

/** What both processes have answered around a time without one of the two servers. */
interface Absence {
  readonly answers: readonly Answer[];
  readonly goneAt: number;
  /** When it was told to come back, and when it was there. */
  readonly returning: number;
  readonly backAt: number;
}

/** Takes a server away for longer than a lease, until all are refused, brings it back, and waits until all is well. */
async function absence(scene: Scene, gone: () => Promise<void>, back: () => Promise<void>): Promise<Absence> {
  const watch = scene.watch();
  const since = performance.now();
  await eventually(() => watch.all([...GUARDED, 'livez', 'logout', 'disable'], since, worked));
  await gone();
  const goneAt = performance.now();
  const refused = ({ status }: Answer) => status === 503;
  await eventually(() => performance.now() - goneAt > 1.5 * LEASE_MS && watch.all(GUARDED, goneAt + LEASE_MS, refused));
  const returning = performance.now();
  await back();
  const backAt = performance.now();
  await eventually(() => watch.all(GUARDED, backAt, worked));
  // It stays well.
  const wellAt = performance.now();
  await eventually(() => performance.now() - wellAt > LEASE_MS / 2 && watch.all(GUARDED, wellAt, worked));
  return { answers: await watch.stop(), goneAt, returning, backAt };
}

/** Promise 4, and that an answer 503 `unavailable` has changed nothing while one of 2xx holds. */
async function expectPromises(what: string, scene: Scene, absent: Absence): Promise<void> {
  const { answers, goneAt, returning, backAt } = absent;
  const guarded = answers.filter(named(...GUARDED));
  const during = between(guarded, goneAt + LEASE_MS, returning);
  const health = answers.filter(named('livez'));
  const letIn = between(guarded, goneAt, returning).filter(worked);
  const back = Math.max(
    0,
    lastAfter(guarded, backAt, (answer) => !worked(answer)),
  );
  const endings = await judged(scene);
  report(what, {
    'last let in, ms after it went': lastAfter(letIn, goneAt, ({ name }) => name !== 'readyz'),
    'last /readyz 200': lastAfter(letIn, goneAt, named('readyz')),
    'after the lease': tally(during.map(({ name, status }) => `${name} ${status}`)),
    'slowest, ms': slowest(between(answers, goneAt, backAt)),
    'last 503, ms after it was back': back,
    'promised, ms': BACK_WITHIN_MS,
    livez: tally(health.map(({ status }) => status)),
    all: tally(answers.map(({ status }) => status)),
    ...endings,
  });
  expect(lastAfter(letIn, goneAt, () => true)).toBeLessThanOrEqual(LEASE_MS);
  expect(tally(during.map(({ status }) => status))).toEqual({ 503: during.length });
  expect(new Set(during.map(({ name }) => name))).toEqual(new Set(GUARDED));
  expect(tally(health.map(({ status }) => status))).toEqual({ 200: health.length });
  expect(Object.keys(tally(answers.map(({ status }) => status)))).toEqual(['200', '204', '503']);
  expect(back).toBeLessThanOrEqual(BACK_AT_ALL_MS);
  expect(endings).toMatchObject({ 'accepted though ended': 0, 'refused though nothing was changed': 0 });
  expect(endings.ended).toBeGreaterThan(0);
  expect(endings['not ended']).toBeGreaterThan(0);
}

/** Every session that was to end is what its answer says. */
async function judged({ fleet, endings }: Scene) {
  const seen = await inLanes(endings, async ({ as, reply }, at) => {
    const status = await decide(fleet.both[at % 2]!, as);
    return { ended: reply.status < 300, unchanged: reply.code === 'unavailable', code: reply.code, status };
  });
  const count = (wanted: (one: (typeof seen)[number]) => boolean) => seen.filter(wanted).length;
  return {
    ended: count(({ ended }) => ended),
    'accepted though ended': count(({ ended, status }) => ended && status !== 401),
    'not ended': count(({ unchanged }) => unchanged),
    'refused though nothing was changed': count(({ unchanged, status }) => unchanged && status !== 204),
    'perhaps ended': count(({ code }) => code === 'outcome_unknown'),
  };
}

describe('Redis', () => {
  let redis: MortalRedis;
  let fleet: Fleet;

  beforeAll(async () => {
    redis = await MortalRedis.start();
    fleet = await startFleet({ redisUrl: redis.url, leaseMs: LEASE_MS });
  }, SLOW);

  afterAll(async () => {
    await redis?.resume();
    await fleet?.close();
    await redis?.stop();
  }, SLOW);

  it(
    'killed: 503 within the lease, and back within a lease and a second of its return',
    async () => {
      const scene = await Scene.set(fleet);
      await redis.dump();
      const absent = await absence(
        scene,
        () => redis.kill(),
        () => redis.restart('dump'),
      );
      await expectPromises('Redis killed', scene, absent);
    },
    SLOW,
  );

  it(
    'frozen for 3 s: nothing hangs, and a login that was answered 503 leaves no session behind',
    async () => {
      const scene = await Scene.set(fleet);
      const watch = scene.watch();
      const since = performance.now();
      await eventually(() => watch.all(GUARDED, since, worked));
      const late = await holdLogins(scene, 10);
      const frozenAt = performance.now();
      await redis.freeze();
      late.release();
      // Each is answered while nothing is heard of Redis, those in flight too: none waits for its return.
      await eventually(() => performance.now() - frozenAt > 3000 && watch.all(GUARDED, frozenAt, () => true));
      const lateAnswers = tally((await late.replies).map(({ status }) => status));
      await redis.resume();
      const resumedAt = performance.now();
      await eventually(() => watch.all(GUARDED, resumedAt, worked));
      const answers = between(await watch.stop(), frozenAt, Infinity);
      const untold = await scene.untold();
      const endings = await judged(scene);
      report('Redis frozen for 3 s', {
        'slowest, ms': slowest(answers),
        all: tally(answers.map(({ status }) => status)),
        'last 503, ms after it went on': lastAfter(answers, resumedAt, (answer) => !worked(answer)),
        'logins in flight': lateAnswers,
        'sessions that nobody was told of': untold,
        ...endings,
      });
      expect(slowest(answers)).toBeLessThan(ANSWERED_MS);
      expect([200, 204, 401, 503]).toEqual(expect.arrayContaining([...new Set(answers.map(({ status }) => status))]));
      expect(lateAnswers).toEqual({ 503: 10 });
      expect(endings).toMatchObject({ 'accepted though ended': 0 });
      expect(untold).toBe(0);
    },
    SLOW,
  );
});

/** So many logins, through either process, that have proved everything and are about to write their sessions. */
async function holdLogins(scene: Scene, count: number) {
  const everyone = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const users = new Set<string>();
  const stores = scene.fleet.both.map((app) => app.get(SessionStore));
  let arrived = 0;
  for (const store of stores) {
    const create = store.create.bind(store);
    store.create = async (session) => {
      if (users.has(session.userid)) {
        arrived += 1;
        if (arrived === count) everyone.resolve();
        await released.promise;
      }
      return create(session);
    };
  }
  const held = await times(count, () => scene.fleet.user());
  for (const { userid } of held) users.add(userid);
  const replies = Promise.all(held.map((user, at) => scene.login(scene.fleet.both[at % 2]!, user)));
  await everyone.promise;
  return { replies, release: released.resolve };
}

describe('Postgres', () => {
  let postgres: MortalPostgres;
  let redis: MortalRedis;
  let fleet: Fleet;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([MortalPostgres.start(), MortalRedis.start()]);
    fleet = await startFleet({ redisUrl: redis.url, databaseUrl: postgres.url, leaseMs: LEASE_MS });
  }, SLOW);

  afterAll(async () => {
    await fleet?.close();
    await redis?.stop();
    await postgres?.stop();
  }, SLOW);

  it('loses a connection under a transaction: nothing is changed, and that is said', async () => {
    const { db } = fleet.one;
    const work = inTransaction(db, async (tx) => {
      const [own] = await tx.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
      await db.query('SELECT pg_terminate_backend($1)', [own!.pid]);
      await eventually(() => tx.queryRunner!.isReleased);
      await tx.query('SELECT 1');
    });
    await expect(work).rejects.toMatchObject({ code: 'unavailable' });
  });

  it(
    'killed: 503 within the lease, and back within a lease and a second of its return',
    async () => {
      const scene = await Scene.set(fleet);
      const absent = await absence(
        scene,
        () => postgres.kill(),
        () => postgres.restart(),
      );
      await expectPromises('Postgres killed', scene, absent);
    },
    SLOW,
  );
});
