import { randomBytes } from 'node:crypto';
import { Sweeper } from '../../src/database/sweeper.js';
import { TruthService } from '../../src/authority/truth.service.js';
import { databaseUrl, execute } from '../setup/postgres-client.js';
import { createTestRedis, type TestRedis } from '../setup/test-redis.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/barrier.js';
import { api, expectStatus, login, type TokenLogin, type User } from '../support/client.js';
import { FIRST_ADMIN, FIRST_APP } from '../support/first-accounts.js';
import { startPgBouncer, type PgBouncer } from '../support/pgbouncer.js';

const SLOW = 400_000;
/** Two processes with ten connections each and their heartbeats share these. */
const CONNECTIONS = 4;
/** One that a busy machine keeps: no step is taken twice, and the heartbeat must not miss it. */
const LEASE_MS = 5000;

describe.each(['postgres', 'redis'] as const)('behind PgBouncer in transaction mode, sessions in %s', (store) => {
  const server = process.env.TEST_POSTGRES_SERVER!;
  const name = `postern_bounced_${randomBytes(6).toString('hex')}`;
  let bouncer: PgBouncer;
  let redis: TestRedis | undefined;
  let apps: readonly [TestApp, TestApp];
  let app: TokenLogin;
  let admin: TokenLogin;

  beforeAll(async () => {
    await execute(server, `CREATE DATABASE ${name}`);
    bouncer = await startPgBouncer(server, CONNECTIONS);
    redis = store === 'redis' ? await createTestRedis() : undefined;
    const options = {
      databaseUrl: bouncer.through(databaseUrl(server, name)),
      store,
      ...(redis && { redisUrl: redis.url }),
      env: { TRUTH_LEASE_MS: String(LEASE_MS) },
    };
    // The database is empty: both bring the schema up to date at once.
    apps = await Promise.all([startTestApp(options), startTestApp(options)]);
    app = await login(apps[0].url, FIRST_APP);
    admin = await login(apps[1].url, FIRST_ADMIN);
  }, SLOW);

  afterAll(async () => {
    for (const app of apps?.toReversed() ?? []) await app.close();
    await bouncer?.stop();
    await redis?.stop();
    await execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }, SLOW);

  /** The journey of one user, every step at the other process than the one before. */
  async function journey(): Promise<void> {
    const [one, two] = apps.map(({ url }) => url) as [string, string];
    const username = `user-${randomBytes(5).toString('hex')}`;
    const password = `garden ${username} swing`;
    const signedUp = expectStatus(await api(two).post<User>('/v1/users', { username, password }, { as: app }), 201);
    const user = { ...signedUp, username, password };
    const as = await login(one, user);
    const check = (url: string, session: TokenLogin, query = '') =>
      api(url).get(`/v1/auth/check${query}`, { as: session });
    expectStatus(await check(two, as), 204);
    expectStatus(await api(one).put(`/v1/users/${user.userid}/roles/admin`, undefined, { as: admin }), 204);
    expectStatus(await check(two, as, '?role=admin'), 204);
    expectStatus(await api(one).delete(`/v1/users/${user.userid}/roles/admin`, { as: admin }), 204);
    expectStatus(await check(two, as, '?role=admin'), 403);
    const body = { currentPassword: password, newPassword: `marbles ${username} stairs` };
    const changed = expectStatus(await api(two).post<TokenLogin>('/v1/users/me/password', body, { as }), 200);
    expectStatus(await check(one, as), 401);
    const renewed = { userid: user.userid, accesstoken: changed.accesstoken };
    expectStatus(await check(one, renewed), 204);
    expectStatus(await api(two).post('/v1/auth/logout', undefined, { as: renewed }), 204);
    expectStatus(await check(one, renewed), 401);
  }

  it('a user signs up, logs in, is given a role, changes the password and logs out', () => journey(), SLOW);

  it(
    'several at once, whose transactions take turns on the same connections',
    async () => {
      await Promise.all([1, 2, 3, 4, 5, 6].map(() => journey()));
    },
    SLOW,
  );

  it('leaves nothing of one transaction to the next: no times, no locks, no prepared statements', async () => {
    const { db } = apps[0];
    await Promise.all(apps.map((app) => app.get(Sweeper).sweep()));
    const rows = await Promise.all(
      Array.from({ length: 2 * CONNECTIONS }, () =>
        db.query<Record<string, unknown>[]>(`SELECT
          (SELECT bool_and(setting = reset_val) FROM pg_settings WHERE name LIKE '%timeout') AS times,
          (SELECT count(*) FROM pg_prepared_statements)::int AS prepared,
          (SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
             WHERE l.locktype = 'advisory' AND d.datname = current_database())::int AS advisory`),
      ),
    );
    for (const [row] of rows) expect(row).toEqual({ times: true, prepared: 0, advisory: 0 });
  });

  it('the heartbeat goes on, longer than a lease', async () => {
    const truths = apps.map((app) => app.get(TruthService));
    const tickets = truths.map((truth) => truth.begin());
    const since = performance.now();
    await eventually(() => performance.now() - since > 2 * LEASE_MS);
    expect(truths.map((truth, at) => truth.holds(tickets[at]!))).toEqual([true, true]);
  });
});
