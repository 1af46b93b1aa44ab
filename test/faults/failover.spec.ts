import { TruthService } from '../../src/authority/truth.service.js';
import { tally, type Fleet } from '../races/fleet.js';
import type { TestApp } from '../support/app.js';
import { eventually } from '../support/barrier.js';
import { api, type TokenLogin, type User } from '../support/client.js';
import { failedOver, replicated, startCluster, startSentinels, type RedisFleet } from '../support/redis-fleet.js';
import { processEnv, startService, type ServiceProcess } from '../support/service-process.js';
import { ask, change, decide, inLanes, report, settled, startFleet, times } from '../fleet/world.js';

const SLOW = 400_000;
const LEASE_MS = 2000;
/** What is promised: from when there is a master again. Printed beside what was seen. */
const BACK_WITHIN_MS = LEASE_MS + 1000;
/** What fails the test: seven servers and two processes share a machine here, and a test is no stopwatch. */
const BACK_AT_ALL_MS = 3 * BACK_WITHIN_MS;
const COUNT = 100;

const FLEETS: readonly (readonly [name: string, start: () => Promise<RedisFleet>])[] = [
  ['sentinels', startSentinels],
  ['a Cluster', startCluster],
];

/** What was answered 2xx before the failover, and what was left alone. */
interface Sessions {
  readonly 'logged out': readonly TokenLogin[];
  readonly 'password changed': readonly TokenLogin[];
  readonly disabled: readonly TokenLogin[];
  readonly kept: readonly TokenLogin[];
}

/** 100 sessions of each kind, ended through either process, and all of it at the replica. */
async function endings(fleet: Fleet, redis: RedisFleet): Promise<Sessions> {
  const users = await times(4 * COUNT, () => fleet.user());
  const all = await inLanes(users, (user, at) => sessionOf(fleet.both[at % 2]!, fleet, user));
  expect(tally(await askAll(fleet, all))).toEqual({ 204: 8 * COUNT });
  const [loggedOut, changed, disabled, kept] = [0, 1, 2, 3].map((at) => all.slice(at * COUNT, (at + 1) * COUNT));
  // What ends is in the replica as it stood, with its copy: not the ends are what must reach it.
  await replicated(redis);
  const url = (at: number) => fleet.both[at % 2]!.url;
  await inLanes(loggedOut!, (as, at) => change(204, () => api(url(at)).post('/v1/auth/logout', undefined, { as })));
  await inLanes(changed!, (as, at) => changePassword(url(at), users[COUNT + at]!, as));
  const admin = await fleet.adminSession(fleet.one);
  await inLanes(disabled!, ({ userid }, at) => disable(url(at), userid, admin));
  return { 'logged out': loggedOut!, 'password changed': changed!, disabled: disabled!, kept: kept! };
}

async function changePassword(url: string, user: User, as: TokenLogin): Promise<void> {
  const body = { currentPassword: user.password, newPassword: `marbles under ${user.userid} stairs` };
  await change(200, () => api(url).post('/v1/users/me/password', body, { as }));
}

async function disable(url: string, userid: string, admin: TokenLogin): Promise<void> {
  await change(200, () => api(url).patch(`/v1/users/${userid}`, { status: 'disabled' }, { as: admin }));
}

/** What both processes say to each of them. */
async function askAll(fleet: Fleet, sessions: readonly TokenLogin[]): Promise<number[]> {
  return (await inLanes(sessions, (as) => Promise.all(fleet.both.map((app) => decide(app, as))))).flat();
}

/** Asks both processes for these all the time; gives how many were let in, and ends. */
function watch(fleet: Fleet, ended: readonly TokenLogin[]): () => Promise<Record<string, number>> {
  const answers: number[] = [];
  let stopped = false;
  const loops = fleet.both.map(async (app) => {
    for (let at = 0; !stopped; at++) answers.push(await ask(app, ended[at % ended.length]!));
  });
  return async () => {
    stopped = true;
    await Promise.all(loops);
    return tally(answers);
  };
}

/** Resolves when both processes decide from now on. */
async function served(fleet: Fleet, kept: readonly TokenLogin[]): Promise<void> {
  for (const app of fleet.both) await eventually(async () => (await ask(app, kept[0]!)) === 204);
}

async function expectTruth(what: string, fleet: Fleet, { kept, ...ended }: Sessions): Promise<void> {
  for (const [why, sessions] of Object.entries(ended) as [string, TokenLogin[]][]) {
    const answers = tally(await askAll(fleet, sessions));
    report(what, { [why]: answers });
    expect(answers).toEqual({ 401: 2 * COUNT });
  }
  const answers = tally(await askAll(fleet, kept));
  report(what, { 'not ended': answers });
  expect(answers).toEqual({ 204: 2 * COUNT });
}

describe.each(FLEETS)('a master fails behind %s', (name, start) => {
  let redis: RedisFleet;
  let fleet: Fleet;

  beforeEach(async () => {
    redis = await start();
    const { REDIS_URL: redisUrl, ...env } = redis.env;
    fleet = await startFleet({ redisUrl, leaseMs: LEASE_MS, env });
  }, SLOW);

  afterEach(async () => {
    for (const server of redis?.servers ?? []) await server.kill('SIGCONT');
    await fleet?.close();
    await redis?.stop();
  }, SLOW);

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    '%s: what has ended stays so, what has not goes on by itself',
    async (signal) => {
      const what = `${name}, ${signal}`;
      const sessions = await endings(fleet, redis);
      const { kept, ...ended } = sessions;
      const [old] = redis.servers;
      const stop = watch(fleet, Object.values(ended).flat());
      const gone = performance.now();
      await old!.kill(signal);
      await failedOver(redis, old!);
      const promoted = performance.now();
      await served(fleet, kept);
      const back = performance.now();
      await expectTruth(what, fleet, sessions);
      // A frozen one believes at first that it still is the master.
      await old!.kill('SIGCONT');
      await expectTruth(`${what}, and the old one is back`, fleet, sessions);
      const during = await stop();
      const figures = { 'failover, ms': promoted - gone, 'back after it, ms': back - promoted };
      report(what, { ...mapRound(figures), 'promised, ms': BACK_WITHIN_MS, 'ended, meanwhile': during });
      expect(during['204']).toBeUndefined();
      expect(back - promoted).toBeLessThanOrEqual(BACK_AT_ALL_MS);
    },
    SLOW,
  );

  it(
    'a process that was frozen with its old master lets nobody in who was ended on the new one',
    async () => {
      const [old] = redis.servers;
      const { databaseUrl } = fleet.one;
      const third = await startService(
        processEnv({ ...redis.env, DATABASE_URL: databaseUrl, TRUTH_LEASE_MS: String(LEASE_MS) }),
      );
      try {
        await third.ready();
        for (const app of fleet.both) await eventually(() => app.get(TruthService).ready);
        const users = await times(COUNT, () => fleet.user());
        const sessions = await inLanes(users, (user) => sessionOf(fleet.one, fleet, user));
        const before = await inLanes(sessions, (as) => decideProcess(third, as));
        expect(tally(before)).toEqual({ 204: COUNT });
        await replicated(redis);
        third.child.kill('SIGSTOP');
        await old!.kill('SIGSTOP');
        await failedOver(redis, old!);
        await served(fleet, sessions);
        const admin = await fleet.adminSession(fleet.one);
        await inLanes(sessions, ({ userid }, at) => disable(fleet.both[at % 2]!.url, userid, admin));
        await old!.kill('SIGCONT');
        third.child.kill('SIGCONT');
        const atOnce = tally(await inLanes(sessions, (as) => askProcess(third, as)));
        await third.ready();
        const later = tally(await inLanes(sessions, (as) => decideProcess(third, as)));
        report(`${name}, frozen with the old master`, { 'at once': atOnce, later });
        expect(atOnce['204']).toBeUndefined();
        expect(later).toEqual({ 401: COUNT });
      } finally {
        third.child.kill('SIGCONT');
        await third.end('SIGTERM');
      }
    },
    SLOW,
  );
});

/** Again while it may not decide: three processes and five servers share this machine. */
async function sessionOf(app: TestApp, fleet: Fleet, user: User): Promise<TokenLogin> {
  await eventually(() => app.get(TruthService).ready);
  return fleet.session(app, user);
}

async function askProcess({ url }: ServiceProcess, as: TokenLogin): Promise<number> {
  return (await api(url).get('/v1/auth/check', { as })).status;
}

/** The same, asked again while it cannot decide. */
async function decideProcess({ url }: ServiceProcess, as: TokenLogin): Promise<number> {
  return (await settled(() => api(url).get('/v1/auth/check', { as }))).status;
}

function mapRound(figures: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, ms]) => [name, Math.round(ms)]));
}
