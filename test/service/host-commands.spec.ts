import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { runCommand } from '../../src/admin/commands.js';
import { createLogger } from '../../src/bootstrap/logger.js';
import { loadConfig } from '../../src/config/env.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { makeFolder, removeDatabaseFolder } from '../setup/folders.js';
import { TEST_ENV, startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/barrier.js';
import { adminLogin, api, createUser, expectStatus, login, type User } from '../support/client.js';
import { freePort } from '../support/ports.js';
import { processEnv, runAdmin, startService } from '../support/service-process.js';

const SLOW = 180_000;

describe.each(['postgres', 'redis'] as const)('host commands beside a running service (%s)', (store) => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ store });
  });
  afterAll(() => app.close());

  /** Runs a command with the service's own configuration. Gives what it says. */
  async function run(args: string[], env: Record<string, string> = {}): Promise<string[]> {
    const redis = app.redisUrl === undefined ? {} : { REDIS_URL: app.redisUrl };
    const config = loadConfig({ ...TEST_ENV, ...redis, DATABASE_URL: app.databaseUrl, ...env });
    const said: string[] = [];
    await runCommand(args, { config, logger: createLogger(config), say: (line) => said.push(line) });
    return said;
  }

  function valueOf(lines: string[], name: string): string {
    return lines.find((line) => line.startsWith(`${name}: `))!.slice(name.length + 2);
  }

  it('reset gives a one-time code with which a user sets a new password', async () => {
    const user = await createUser(app.url);
    const said = await run(['reset', user.username.toUpperCase()]);
    expect(said).toHaveLength(2);
    const newPassword = 'a wholly new garden path';
    const body = { username: user.username, code: valueOf(said, 'code'), newPassword };
    expectStatus(await api(app.url).post('/v1/auth/password-reset', body), 204);
    await login(app.url, { ...user, password: newPassword });
    const reply = await api(app.url).post('/v1/auth/login', { ...user, userid: undefined });
    expect(reply.code).toBe('invalid_credentials');
    expect(await audited('password_reset.issued', user)).toEqual([null]);
  });

  it('reset knows disabled users and says so, but neither deleted ones nor strangers', async () => {
    const as = await adminLogin(app.url);
    const user = await createUser(app.url);
    expectStatus(await api(app.url).patch(`/v1/users/${user.userid}`, { status: 'disabled' }, { as }), 200);
    expect((await run(['reset', user.username])).at(-1)).toBe('the account is disabled, and stays so');
    expectStatus(await api(app.url).delete(`/v1/users/${user.userid}`, { as }), 204);
    await expect(run(['reset', user.username])).rejects.toThrow('there is no such user');
    await expect(run(['reset', 'who-is-this'])).rejects.toThrow('there is no such user');
    await expect(run(['reset', '!'])).rejects.toThrow('there is no such user');
  });

  it('create makes an admin who can do what an admin can, once', async () => {
    const name = `root-${store}`;
    const said = await run(['create', name]);
    const [username, password, apitoken] = ['username', 'password', 'apitoken'].map((key) => valueOf(said, key)) as [
      string,
      string,
      string,
    ];
    expect(username).toBe(name);
    const as = await login(app.url, { username, password, apitoken });
    expectStatus(await api(app.url).get('/v1/users', { as }), 200);
    await expect(run(['create', name])).rejects.toThrow(`the username ${name} is taken`);
    await expect(run(['create', 'no name'])).rejects.toThrow('a username is');
    expect(await audited('role.granted', { username })).toEqual([null]);
  });

  it('create hashes before it opens a transaction: nothing is locked while it does', async () => {
    const idle = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'`;
    const { hash } = PasswordHasher.prototype;
    const hashing = jest.spyOn(PasswordHasher.prototype, 'hash').mockImplementationOnce(async function (
      this: PasswordHasher,
      ...args
    ) {
      await eventually(async () => (await app.db.query<unknown[]>(idle)).length === 0, 3000);
      return hash.apply(this, args);
    });
    expect(valueOf(await run(['create', `slow-root-${store}`]), 'username')).toBe(`slow-root-${store}`);
    expect(hashing).toHaveBeenCalledTimes(1);
    hashing.mockRestore();
  });

  it("end-all-sessions ends everybody's, the host's admin's too, and the service goes on", async () => {
    const users = [await createUser(app.url), await createUser(app.url)];
    const logins = [...(await Promise.all(users.map((user) => login(app.url, user)))), await adminLogin(app.url)];
    await run(['end-all-sessions']);
    // After the command no process honours an old one; until it has adopted the new generation it honours none at all.
    for (const as of logins) {
      const { code } = await api(app.url).get('/v1/users/me', { as });
      expect(['unauthenticated', 'unavailable']).toContain(code);
    }
    await readyAgain();
    for (const as of logins) expect((await api(app.url).get('/v1/users/me', { as })).code).toBe('unauthenticated');
    const as = await login(app.url, users[0]!);
    expectStatus(await api(app.url).get('/v1/users/me', { as }), 200);
    const rows = await app.db.query(`SELECT actor FROM audit WHERE action = 'all_sessions.ended'`);
    expect(rows).toEqual([{ actor: null }]);
  });

  it('new-generation leaves sessions and changes the lease, whereupon a service with the old one must not go on', async () => {
    const as = await login(app.url, await createUser(app.url));
    expect(await run(['new-generation'])).toEqual([`in force: TRUTH_LEASE_MS=3000 SESSION_STORE=${store}`]);
    await readyAgain();
    expectStatus(await api(app.url).get('/v1/users/me', { as }), 200);
    expect(app.fatal).toEqual([]);
    await run(['new-generation'], { TRUTH_LEASE_MS: '600' });
    expect((await api(app.url).get('/v1/users/me', { as })).code).toBe('unavailable');
    expect(app.fatal[0]).toContain('new-generation');
    await run(['new-generation']);
    await readyAgain();
    expectStatus(await api(app.url).get('/v1/users/me', { as }), 200);
  });

  it('says what it takes, and what is wrong, in one line', async () => {
    await expect(run([])).rejects.toThrow(/npm run admin -- <command>[\s\S]*reset <username>/);
    for (const args of [['create'], ['reset', 'a', 'b'], ['constructor'], ['end-all-sessions', 'now']]) {
      await expect(run(args)).rejects.toThrow('npm run admin');
    }
    expect(await run(['migrate'])).toEqual(['the schema is up to date']);
  });

  async function readyAgain(): Promise<void> {
    for (;;) if ((await api(app.url).get('/readyz')).status === 200) return;
  }

  async function audited(action: string, { username }: Pick<User, 'username'>): Promise<(string | null)[]> {
    const rows: { actor: string | null }[] = await app.db.query(
      'SELECT actor FROM audit JOIN users ON userid = target WHERE action = $1 AND username = $2',
      [action, username],
    );
    return rows.map(({ actor }) => actor);
  }
});

describe('host commands on the embedded default', () => {
  it(
    'work beside the service that runs on it, and alone',
    async () => {
      const dataDir = makeFolder('host');
      const env = processEnv({ DATA_DIR: dataDir });
      try {
        const early = await runAdmin(['create', 'too-early'], env);
        expect([early.code, early.stderr]).toEqual([1, 'the schema is not up to date: run npm run migrate\n']);
        const service = await startService(env);
        await service.ready();
        const made = await runAdmin(['create', 'beside'], env);
        expect([made.code, made.stderr]).toEqual([0, '']);
        const [username, password, apitoken] = [...made.stdout.matchAll(/^\w+: (.+)$/gm)].map(
          ([, value]) => value!,
        ) as [string, string, string];
        await login(service.url, { username, password, apitoken });
        expect(await service.end('SIGTERM')).toBe(0);
        const alone = await runAdmin(['reset', 'beside'], env);
        expect([alone.code, alone.stderr]).toEqual([0, '']);
        expect(alone.stdout).toMatch(/^code: rst_/);
        const nowhere = `postgres://postern:unsaid@127.0.0.1:${await freePort()}/postern`;
        const away = await runAdmin(['reset', 'beside'], { ...env, DATABASE_URL: nowhere });
        expect([away.code, away.stdout]).toEqual([1, '']);
        expect(away.stderr).toMatch(/^Postgres or Redis is away: connect ECONNREFUSED [^\n]*\n$/);
      } finally {
        removeDatabaseFolder(join(dataDir, 'postgres'));
        rmSync(dataDir, { recursive: true, force: true });
      }
    },
    SLOW,
  );
});
