import { AuthorityService } from '../../src/authority/authority.service.js';
import { TruthService } from '../../src/authority/truth.service.js';
import { TruthProbe } from '../../src/authority/truth-probe.js';
import { RedisService } from '../../src/redis/redis.service.js';
import { tally, type Fleet } from '../races/fleet.js';
import type { TestApp } from '../support/app.js';
import { eventually, hold } from '../support/barrier.js';
import { api, expectStatus, type Reply, type TokenLogin } from '../support/client.js';
import { failedOver, replicated, startSentinels, type RedisFleet } from '../support/redis-fleet.js';
import { Wire, type Way } from '../support/wire.js';
import { MortalPostgres } from '../support/mortal-postgres.js';
import { MortalRedis } from '../support/mortal-redis.js';
import {
  ask,
  change,
  decide,
  dropFence,
  generationOf,
  hasCopy,
  inLanes,
  report,
  startFleet,
  times,
} from '../fleet/world.js';

const SLOW = 400_000;
const LEASE_MS = 2000;
/** Contract: every request is answered within this. Printed beside what was seen. */
const ANSWERED_MS = 5000;
/** What fails the test: a machine that is busy with others is slower, and a test is no stopwatch. */
const ANSWERED_AT_ALL_MS = 3 * ANSWERED_MS;
const COUNT = 20;
const CHECK = '/v1/auth/check';

/** A session, what it is asked for, and what takes that away. */
interface Ending {
  readonly as: TokenLogin;
  readonly path: string;
  end(app: TestApp): Promise<void>;
  /** What is answered afterwards. */
  readonly status: number;
}

interface World {
  readonly endings: readonly Ending[];
  readonly kept: readonly TokenLogin[];
  readonly generation: string;
}

/** Sessions of every kind, which both processes decide by Redis alone. */
async function setUp(fleet: Fleet): Promise<World> {
  const admin = await fleet.adminSession(fleet.one);
  const open = async (...roles: string[]) => fleet.session(fleet.one, await fleet.user(...roles));
  const loggedOut = (await times(COUNT, () => open())).map((as) => logout(as));
  const disabled = (await times(COUNT, () => open())).map((as) => disable(as, admin));
  const demoted = (await times(COUNT, () => open('admin'))).map((as) => demote(as, admin));
  const kept = await times(COUNT, () => open());
  const endings = [...loggedOut, ...disabled, ...demoted];
  const asked = [...endings, ...kept.map((as) => ({ as, path: CHECK }))];
  for (const app of fleet.both) {
    const answers = await inLanes(asked, ({ as, path }) => decide(app, as, path));
    expect(tally(answers)).toEqual({ 204: 4 * COUNT });
  }
  for (const { as } of asked) expect(await hasCopy(fleet, as.userid)).toBe(true);
  return { endings, kept, generation: await generationOf(fleet) };
}

function logout(as: TokenLogin): Ending {
  const end = async ({ url }: TestApp) =>
    void (await change(204, () => api(url).post('/v1/auth/logout', undefined, { as })));
  return { as, path: CHECK, end, status: 401 };
}

function disable(as: TokenLogin, admin: TokenLogin): Ending {
  const body = { status: 'disabled' };
  const end = async ({ url }: TestApp) =>
    void (await change(200, () => api(url).patch(`/v1/users/${as.userid}`, body, { as: admin })));
  return { as, path: CHECK, end, status: 401 };
}

function demote(as: TokenLogin, admin: TokenLogin): Ending {
  const path = `/v1/users/${as.userid}/roles/admin`;
  const end = async ({ url }: TestApp) => void (await change(204, () => api(url).delete(path, { as: admin })));
  return { as, path: `${CHECK}?role=admin`, end, status: 403 };
}

/** Ends each through one process, and asks the other one about it as soon as that is answered. */
async function endAll({ one, two }: Fleet, endings: readonly Ending[]) {
  const seen = await inLanes(endings, async ({ as, path, end }) => {
    const sentAt = performance.now();
    await end(one);
    const answeredAt = performance.now();
    const status = await ask(two, as, path);
    return { status, endedMs: answeredAt - sentAt, askedMs: performance.now() - answeredAt };
  });
  const slowest = (what: 'endedMs' | 'askedMs') => Math.round(Math.max(...seen.map((each) => each[what])));
  return { answers: tally(seen.map(({ status }) => status)), ended: slowest('endedMs'), asked: slowest('askedMs') };
}

/** Asks one process for these all the time; gives what it said, and ends. */
function watch(app: TestApp, kept: readonly TokenLogin[]): () => Promise<Record<string, number>> {
  const answers: number[] = [];
  let stopped = false;
  const loop = (async () => {
    for (let at = 0; !stopped; at++) answers.push(await ask(app, kept[at % kept.length]!));
  })();
  return async () => {
    stopped = true;
    await loop;
    return tally(answers);
  };
}

/** What the process says to all of them; `how`: `decide` where it has a lease. */
async function askAll(app: TestApp, { endings, kept }: World, how = ask): Promise<Record<string, number>> {
  const asked = [...endings, ...kept.map((as) => ({ as, path: CHECK }))];
  return tally(await inLanes(asked, ({ as, path }) => how(app, as, path)));
}

/** Both processes say what is true, to sessions that nobody has opened anew. */
async function expectTruth(fleet: Fleet, { endings, kept }: World): Promise<void> {
  for (const app of fleet.both) {
    await served(app);
    const ended = await inLanes(endings, async ({ as, path, status }) => (await decide(app, as, path)) === status);
    expect(ended).toEqual(endings.map(() => true));
    expect(tally(await inLanes(kept, (as) => decide(app, as)))).toEqual({ 204: kept.length });
  }
}

const served = (app: TestApp) => eventually(() => app.get(TruthService).ready);
const cutOff = (app: TestApp) => eventually(() => app.get(TruthService).held === null);

/** One process is cut off that way while the other one ends sessions; then the wire is mended. */
async function partition(what: string, fleet: Fleet, wire: Wire, way: Way): Promise<void> {
  const world = await setUp(fleet);
  const stop = watch(fleet.one, world.kept);
  wire.cut([way]);
  const during = await endAll(fleet, world.endings);
  await cutOff(fleet.two);
  const later = await askAll(fleet.two, world);
  const steady = await stop();
  wire.mend();
  const mendedAt = performance.now();
  await served(fleet.two);
  report(`${what}, nothing goes ${way}`, {
    'ended, at the one cut off': during.answers,
    'slowest there, ms': during.asked,
    'slowest end, ms': during.ended,
    'promised, ms': ANSWERED_MS,
    'without a lease': later,
    'the other one, meanwhile': steady,
    'back after it was mended, ms': Math.round(performance.now() - mendedAt),
  });
  expect(during.answers['204']).toBeUndefined();
  expect(later).toEqual({ 503: 4 * COUNT });
  expect(Math.max(during.ended, during.asked)).toBeLessThan(ANSWERED_AT_ALL_MS);
  expect(steady['401']).toBeUndefined();
  expect(await generationOf(fleet)).toBe(world.generation);
  await expectTruth(fleet, world);
}

/** @param world asked when the test runs: it is made before */
function itAcceptsNobody(what: string, world: () => [Fleet, Wire]): void {
  it.each(['back', 'there'] as const)(
    'and nothing goes %s: it accepts nobody whom the other one has ended',
    (way) => partition(what, ...world(), way),
    SLOW,
  );
}

describe('one process is cut off from Redis', () => {
  let redis: MortalRedis;
  let wire: Wire;
  let fleet: Fleet;

  beforeAll(async () => {
    redis = await MortalRedis.start();
    wire = await Wire.to(Number(new URL(redis.url).port));
    const secondEnv = { REDIS_URL: wire.through(redis.url) };
    fleet = await startFleet({ redisUrl: redis.url, leaseMs: LEASE_MS, secondEnv });
  }, SLOW);

  afterEach(() => wire.mend());

  afterAll(async () => {
    await fleet?.close();
    await wire?.close();
    await redis?.stop();
  }, SLOW);

  itAcceptsNobody('cut off from Redis', () => [fleet, wire]);

  it(
    'while it fills a copy: what arrives late outdoes no change',
    async () => {
      const as = await fleet.session(fleet.one, await fleet.user());
      expect(await decide(fleet.two, as)).toBe(204);
      await dropFence(fleet, as.userid);
      const asked = hold(fleet.two.get(AuthorityService), 'ask', 'after');
      const answer = ask(fleet.two, as);
      await asked.reached;
      wire.cut(['there']);
      await disable(as, await fleet.adminSession(fleet.one)).end(fleet.one);
      asked.release();
      await answer;
      expect(await ask(fleet.two, as)).toBe(503);
      wire.mend();
      await served(fleet.two);
      for (const app of fleet.both) expect(await decide(app, as)).toBe(401);
      expect(await hasCopy(fleet, as.userid)).toBe(false);
    },
    SLOW,
  );
});

describe('one process is cut off from Postgres', () => {
  let postgres: MortalPostgres;
  let redis: MortalRedis;
  let wire: Wire;
  let fleet: Fleet;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([MortalPostgres.start(), MortalRedis.start()]);
    wire = await Wire.to(Number(new URL(postgres.url).port));
    const secondEnv = { DATABASE_URL: wire.through(postgres.url) };
    fleet = await startFleet({ redisUrl: redis.url, databaseUrl: postgres.url, leaseMs: LEASE_MS, secondEnv });
  }, SLOW);

  afterEach(() => wire.mend());

  afterAll(async () => {
    await fleet?.close();
    await wire?.close();
    await redis?.stop();
    await postgres?.stop();
  }, SLOW);

  itAcceptsNobody('cut off from Postgres', () => [fleet, wire]);

  it(
    "everybody's sessions are over with the answer, at the one that could not be told too",
    async () => {
      const world = await setUp(fleet);
      const admin = await fleet.adminSession(fleet.one);
      wire.cut(['back']);
      const reply = await api(fleet.one.url).delete('/v1/all-sessions', { as: admin });
      const atOnce = await askAll(fleet.two, world);
      expectStatus(reply, 204);
      expect(atOnce).toEqual({ 503: 4 * COUNT });
      wire.mend();
      for (const app of fleet.both) await served(app);
      expect(await askAll(fleet.two, world, decide)).toEqual({ 401: 4 * COUNT });
    },
    SLOW,
  );

  it(
    'and the network forgets its connections: new ones take their place',
    async () => {
      const world = await setUp(fleet);
      wire.cut(['back']);
      await endAll(fleet, world.endings);
      await cutOff(fleet.two);
      wire.forget();
      const mendedAt = performance.now();
      await served(fleet.two);
      const answers: number[] = [];
      const lastOnes = () => tally(answers.slice(-3 * COUNT));
      await eventually(async () => {
        answers.push(...(await inLanes(world.kept, (as) => ask(fleet.two, as, '/v1/users/me/apitokens'))));
        return lastOnes()['200'] === 3 * COUNT;
      });
      const figures = { answers: tally(answers), 'well again, ms': Math.round(performance.now() - mendedAt) };
      report('cut off from Postgres, connections forgotten', figures);
      wire.mend();
      await expectTruth(fleet, world);
    },
    SLOW,
  );

  it(
    'with its COMMIT: whether that arrives late or never, both processes say the same',
    async () => {
      const admin = await fleet.adminSession(fleet.one);
      const [late, never] = await times(2, async () => fleet.session(fleet.one, await fleet.user()));
      const cutAtCommit = async ({ userid }: TokenLogin): Promise<Reply<unknown>> => {
        const fenced = hold(fleet.two.get(AuthorityService), 'fence' as never, 'after');
        const reply = api(fleet.two.url).patch(`/v1/users/${userid}`, { status: 'disabled' }, { as: admin });
        await fenced.reached;
        wire.cut(['there']);
        fenced.release();
        return reply;
      };
      for (const [as, arrives] of [
        [late!, true],
        [never!, false],
      ] as const) {
        for (const app of fleet.both) expect(await decide(app, as)).toBe(204);
        const sentAt = performance.now();
        expect((await cutAtCommit(as)).code).toBe('outcome_unknown');
        expect(performance.now() - sentAt).toBeLessThan(ANSWERED_AT_ALL_MS);
        expect(await decide(fleet.one, as)).toBe(204);
        if (!arrives) await eventually(async () => (await transactions(fleet)) === 0);
        wire.mend();
        await eventually(async () => (await transactions(fleet)) === 0);
        await served(fleet.two);
        const answers = await Promise.all(fleet.both.map((app) => decide(app, as)));
        expect(answers).toEqual(arrives ? [401, 401] : [204, 204]);
      }
    },
    SLOW,
  );
});

/** How many there are that have changed something and are not over, those too whose COMMIT is under way. */
async function transactions({ one }: Fleet): Promise<number> {
  const [row] = await one.db.query<{ count: number }[]>(
    `SELECT count(*)::int FROM pg_stat_activity WHERE backend_xid IS NOT NULL`,
  );
  return row!.count;
}

describe('one process stays with the old master of the sentinels', () => {
  let master: Wire;
  let sentinels: Wire[];
  let database: Wire;
  let postgres: MortalPostgres;
  let redis: RedisFleet;
  let fleet: Fleet;

  beforeEach(async () => {
    sentinels = [];
    postgres = await MortalPostgres.start();
    database = await Wire.to(Number(new URL(postgres.url).port));
    redis = await startSentinels(async (port) => (master = await Wire.to(port)).port);
    const { REDIS_URL: redisUrl, ...env } = redis.env;
    for (const [, port] of redisUrl.matchAll(/:(\d+)/g)) sentinels.push(await Wire.to(Number(port)));
    const secondEnv = {
      REDIS_URL: `redis://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
      DATABASE_URL: database.through(postgres.url),
    };
    fleet = await startFleet({ redisUrl, databaseUrl: postgres.url, leaseMs: LEASE_MS, env, secondEnv });
  }, SLOW);

  afterEach(async () => {
    const wires = [...sentinels, master, database].filter((wire) => wire !== undefined);
    for (const wire of wires) wire.mend();
    await fleet?.close();
    await redis?.stop();
    await postgres?.stop();
    for (const wire of wires) await wire.close();
  }, SLOW);

  it.each([
    ['and reads in Postgres that there is another one', []],
    ['and is cut off from Postgres before it can read that there is another one', ['back']],
  ] as const)(
    '%s: it accepts nobody whom the others have ended',
    async (_what, ways) => {
      const [old] = redis.servers;
      const world = await setUp(fleet);
      const early = disable(await fleet.session(fleet.two, await fleet.user()), await fleet.adminSession(fleet.one));
      await replicated(redis);
      for (const wire of sentinels) wire.cut(['there', 'back']);
      master.cut(['there', 'back'], await portOf(fleet.two));
      const stop = watch(fleet.two, world.kept);
      // The only one that serves, still on the old master: what it ends must be over on the new one.
      let ended: Promise<void> | undefined;
      const endEarly = () => early.end(fleet.two).then(() => database.cut(ways));
      beforeNewGeneration(fleet.one, () => (ended ??= endEarly()));
      await cutOff(fleet.one);
      await failedOver(redis, old!);
      await served(fleet.one);
      await ended;
      const during = await endAll(fleet, world.endings);
      const alone = await stop();
      report(`with the old master${ways.length > 0 ? ', and without Postgres' : ''}`, {
        'ended, at the one left behind': during.answers,
        'not ended, there, all the while': alone,
        'slowest end, ms': during.ended,
      });
      expect(during.answers).toEqual({ 503: 3 * COUNT });
      expect(alone['204']).toBeGreaterThan(0);
      expect(alone['401']).toBeUndefined();
      expect(await decide(fleet.one, early.as)).toBe(401);
      for (const wire of [...sentinels, master, database]) wire.mend();
      await expectTruth(fleet, { ...world, endings: [...world.endings, early] });
    },
    SLOW,
  );
});

/** Waits for `what` when the process is about to write a new generation, and nobody can have read it. */
function beforeNewGeneration(app: TestApp, what: () => Promise<void>): void {
  const probe = app.get(TruthProbe);
  const query = probe.query.bind(probe);
  probe.query = async (sql, parameters) => {
    if (sql.startsWith('UPDATE generation')) await what();
    return query(sql, parameters);
  };
}

/** The port from which the process calls its Redis, as that one sees it. */
async function portOf(app: TestApp): Promise<number> {
  const info = await app.get(RedisService).at('any').client.sendCommand<string>(['CLIENT', 'INFO']);
  return Number(/ addr=\S+:(\d+) /.exec(info)![1]);
}
