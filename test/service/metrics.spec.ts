import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openMetrics } from '../../src/bootstrap/open-metrics.js';
import { Opened } from '../../src/bootstrap/run.js';
import { createLogger } from '../../src/bootstrap/logger.js';
import { answerOf, expectProblem, expectStandardHeaders } from '../http/expect-problem.js';
import { createTestDatabase } from '../setup/test-database.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/barrier.js';
import { adminLogin, api, createUser } from '../support/client.js';
import { FIRST_ACCOUNTS_ENV, FIRST_ADMIN } from '../support/first-accounts.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { freePort } from '../support/ports.js';
import { processEnv, startService, type ServiceProcess } from '../support/service-process.js';

/** Starting a process compiles the sources. */
const SLOW = 400_000;

let redis: RedisServer;
let app: TestApp;
let metricsUrl: string;
const opened = new Opened();

beforeAll(async () => {
  redis = await startRedis();
  const port = String(await freePort());
  // Long, so that a busy machine does not lose the lease, which would change what is counted.
  app = await startTestApp({
    store: 'redis',
    redisUrl: redis.url,
    env: { METRICS_PORT: port, TRUTH_LEASE_MS: '5000' },
  });
  await openMetrics(app.config, () => app.metrics!.metrics(), opened, createLogger(app.config));
  metricsUrl = `http://127.0.0.1:${port}/metrics`;
});
afterAll(async () => {
  await opened.close(false, createLogger(app.config));
  await app.close();
  await redis.stop();
});

/** What is told, by name and labels as they are written. */
async function scrape(url = metricsUrl): Promise<Map<string, number>> {
  const lines = (await (await fetch(url)).text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

/** By how much the metrics have grown in `work`. */
async function growth(work: () => Promise<unknown>): Promise<(name: string) => number> {
  const before = await scrape();
  await work();
  // Counted when the answer is out, which is a moment after it has come.
  await sleep(50);
  const after = await scrape();
  return (name) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
}

const requests = (method: string, route: string, status: number) =>
  `postern_http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`;

describe('metrics', () => {
  it('are off unless a port is given', async () => {
    const quiet = await startTestApp();
    expect(quiet.metrics).toBeUndefined();
    await quiet.close();
  });

  it('are told on /metrics of a port of their own, and nothing else is', async () => {
    const answer = await fetch(metricsUrl);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    expectStandardHeaders(Object.fromEntries(answer.headers));
    for (const path of ['/', '/v1/config', '/metrics/']) {
      expectProblem(await answerOf(await fetch(new URL(path, metricsUrl))), 404, 'not_found');
    }
    const post = await answerOf(await fetch(metricsUrl, { method: 'POST' }));
    expectProblem(post, 405, 'method_not_allowed');
    expect(post.headers['allow']).toBe('GET, HEAD');
    expect((await fetch(`${app.url}/metrics`)).status).toBe(404);
  });

  it('count requests by the pattern of the route, and nothing that a client made up becomes a label', async () => {
    const as = await adminLogin(app.url);
    const user = await createUser(app.url);
    const grown = await growth(async () => {
      await api(app.url).get(`/v1/users/${user.userid}`, { as });
      await api(app.url).get(`/v1/users/${as.userid}`, { as });
      await api(app.url).get('/canary-path?canary=1');
      await api(app.url).call('PROPFIND', '/canary', undefined);
      await api(app.url).get('/v1/users/me', { as: { userid: as.userid, accesstoken: 'canary' } });
    });
    expect(grown(requests('GET', '/v1/users/:userid', 200))).toBe(2);
    expect(grown(requests('GET', '/v1/users/me', 401))).toBe(1);
    expect(grown(requests('', '', 404))).toBe(2);
    const text = await (await fetch(metricsUrl)).text();
    expect(text).not.toMatch(/canary|PROPFIND|readyz/);
    for (const secret of [as.userid, as.accesstoken, user.username, user.userid]) expect(text).not.toContain(secret);
  });

  it('count the checks of sessions by who decided', async () => {
    const as = await adminLogin(app.url);
    await api(app.url).get('/v1/auth/check', { as });
    const checks = (by: string) => `postern_session_checks_total{by="${by}"}`;
    const fromRedis = await growth(() => api(app.url).get('/v1/auth/check', { as }));
    expect([fromRedis(checks('redis')), fromRedis(checks('postgres')), fromRedis(checks('refused'))]).toEqual([
      1, 0, 0,
    ]);
    // A change of rights takes the copy in Redis away: the next call asks Postgres.
    await api(app.url).put(`/v1/users/${as.userid}/roles/admin`, undefined, { as });
    const fromPostgres = await growth(() => api(app.url).get('/v1/auth/check', { as }));
    expect([fromPostgres(checks('redis')), fromPostgres(checks('postgres'))]).toEqual([0, 1]);
    await api(app.url).post('/v1/auth/logout', undefined, { as });
    const refused = await growth(() => api(app.url).get('/v1/auth/check', { as }));
    expect([refused(checks('redis')), refused(checks('refused'))]).toEqual([0, 1]);
  });

  it('count logins by how they ended, and the hashes that they took', async () => {
    const { username, password, apitoken } = FIRST_ADMIN;
    const grown = await growth(async () => {
      await api(app.url).post('/v1/auth/login', { username, password, apitoken });
      await api(app.url).post('/v1/auth/login', { username, password: 'something else entirely', apitoken });
      await api(app.url).post('/v1/auth/login', { username: 'nobody-here', password, apitoken });
      await api(app.url).post('/v1/auth/login', { username });
    });
    const logins = (outcome: string) => grown(`postern_logins_total{mode="token",outcome="${outcome}"}`);
    expect([logins('success'), logins('wrong_password'), logins('wrong_apitoken')]).toEqual([1, 1, 1]);
    expect(grown('postern_hashes_total')).toBe(2);
    expect(grown(requests('POST', '/v1/auth/login', 422))).toBe(1);
  });

  it('count logins by password alone apart', async () => {
    const { username, password } = await createUser(app.url);
    const headers = { 'sec-fetch-site': 'same-origin' };
    const grown = await growth(async () => {
      await api(app.url).post('/v1/auth/web/login', { username, password }, { headers });
      await api(app.url).post('/v1/auth/web/login', { username, password: 'something else entirely' }, { headers });
    });
    const logins = (outcome: string) => grown(`postern_logins_total{mode="web",outcome="${outcome}"}`);
    expect([logins('success'), logins('wrong_password')]).toEqual([1, 1]);
  });

  it('tell of the queue, the pool, the loop and the dependencies', async () => {
    const all = await scrape();
    expect(all.get('postern_hashes_running')).toBe(0);
    expect(all.get('postern_hashes_waiting{lane="first"}')).toBe(0);
    expect(all.get('postern_postgres_connections{state="idle"}')).toBeGreaterThan(0);
    expect(all.get('postern_postgres_waiting')).toBe(0);
    expect(all.get('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
    expect(all.get('postern_lease_age_seconds')).toBeLessThan(5);
    expect([all.get('postern_up{dependency="postgres"}'), all.get('postern_up{dependency="redis"}')]).toEqual([1, 1]);
    expect([all.get('postern_ready'), all.get('postern_processes')]).toEqual([1, 1]);
    expect(all.get('postern_redis_memory_bytes{of="used"}')).toBeGreaterThan(500_000);
    expect(all.get('postern_near_cache_records')).toBe(0);
  });

  it('are all that the dashboard shows, and what it shows is told', async () => {
    const told = new Set([...(await scrape()).keys()].map((key) => key.replace(/\{.*/, '')));
    const { panels } = JSON.parse(readFileSync('deploy/grafana/postern.json', 'utf8')) as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    const shown = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr.match(NAME) ?? []));
    expect(shown.filter((name) => !told.has(name))).toEqual([]);
    expect(panels.filter(({ targets }) => !targets.every(({ expr }) => expr.match(NAME) !== null))).toEqual([]);
    const ours = [...told].filter((name) => name.startsWith('postern_'));
    expect(ours.filter((name) => !shown.includes(name) && !name.endsWith('_sum'))).toEqual([]);
  });

  it('say that Redis is away', async () => {
    await redis.kill('SIGSTOP');
    await eventually(async () => (await scrape()).get('postern_up{dependency="redis"}') === 0);
    const all = await scrape();
    expect(all.get('postern_up{dependency="postgres"}')).toBe(1);
    await eventually(async () => (await scrape()).get('postern_ready') === 0);
    await redis.kill('SIGCONT');
    await eventually(async () => (await scrape()).get('postern_ready') === 1);
  });
});

describe('metrics of several processes', () => {
  const services: ServiceProcess[] = [];
  afterEach(async () => {
    for (const service of services.splice(0)) await service.end('SIGKILL');
  });

  it.each(['1', '2'])(
    'tell of the drain too, with a WEB_CONCURRENCY of %s',
    async (count) => {
      const database = await createTestDatabase();
      const metricsPort = String(await freePort());
      const env = { WEB_CONCURRENCY: count, METRICS_PORT: metricsPort, DRAIN_SECONDS: '5' };
      const service = await startService(processEnv({ DATABASE_URL: database.url, ...env, ...FIRST_ACCOUNTS_ENV }));
      services.push(service);
      await service.ready();
      const url = `http://127.0.0.1:${metricsPort}/metrics`;
      await eventually(async () => (await scrape(url)).get('postern_ready') === Number(count), SLOW);
      const ended = service.end('SIGTERM');
      await eventually(async () => (await scrape(url)).get('postern_ready') === 0);
      expect(await ended).toBe(0);
      await database.drop();
    },
    SLOW,
  );

  it(
    'are one answer of the first one, with what all of them have counted',
    async () => {
      const database = await createTestDatabase();
      const metricsPort = String(await freePort());
      const env = { DATABASE_URL: database.url, WEB_CONCURRENCY: '2', METRICS_PORT: metricsPort };
      const service = await startService(processEnv({ ...env, ...FIRST_ACCOUNTS_ENV }));
      services.push(service);
      await service.ready();
      const url = `http://127.0.0.1:${metricsPort}/metrics`;
      // Nobody listens yet when the port is opened.
      const ready = async () => (await scrape(url).catch(() => new Map<string, number>())).get('postern_ready');
      await eventually(async () => (await ready()) === 2, SLOW);
      for (let call = 0; call < 6; call += 1) await api(service.url).get('/v1/config');
      await eventually(async () => (await scrape(url)).get(requests('GET', '/v1/config', 200)) === 6);
      const all = await scrape(url);
      expect([all.get('postern_processes'), all.get('postern_processes_wanted')]).toEqual([2, 2]);
      // Whoever dies takes no count along.
      const [victim] = service.stdout().match(/(?<="pid":)\d+(?=[^\n]*"msg":"listening)/g)!;
      process.kill(Number(victim), 'SIGKILL');
      await eventually(async () => (await scrape(url)).get('postern_processes') === 1);
      expect((await scrape(url)).get(requests('GET', '/v1/config', 200))).toBe(6);
      await eventually(async () => (await ready()) === 2, SLOW);
      expect((await scrape(url)).get(requests('GET', '/v1/config', 200))).toBe(6);
      expect(await service.end('SIGTERM')).toBe(0);
      await database.drop();
    },
    SLOW,
  );
});

/** The name of a metric in a PromQL expression. */
const NAME = /\b(?:postern|nodejs|process)_[a-z0-9_]+/g;
