import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { credentialsPath, ensureFirstAccounts, makePassword } from '../../src/bootstrap/first-accounts.js';
import { readCredentials, writeCredentials } from '../../src/bootstrap/credentials-file.js';
import { prepareDatabase } from '../../src/bootstrap/prepare-database.js';
import { parseToken } from '../../src/common/secret-token.js';
import { createLogger } from '../../src/bootstrap/logger.js';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/env.js';
import { PasswordPolicy } from '../../src/passwords/password-policy.js';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';
import { TEST_ENV, startTestApp } from '../support/app.js';
import { eventually } from '../support/barrier.js';
import { login } from '../support/client.js';
import { FIRST_ADMIN, FIRST_APP, type Account } from '../support/first-accounts.js';
import { processEnv, startService } from '../support/service-process.js';

const SLOW = 120_000;
/** Nothing is given, as in development. */
const NOTHING = Object.fromEntries(Object.entries(TEST_ENV).filter(([name]) => !name.startsWith('BOOTSTRAP_')));
const GIVEN = Object.fromEntries(Object.entries(TEST_ENV).filter(([name]) => name.startsWith('BOOTSTRAP_')));
const PRODUCTION = {
  NODE_ENV: 'production',
  WEB_ORIGINS: 'https://postern.example',
  SESSION_STORE: 'postgres',
  PASSWORD_ITERATIONS: '210000',
};

let database: TestDatabase;
let dataDir: string;
let warnings: string[];

beforeEach(async () => {
  database = await createTestDatabase();
  dataDir = mkdtempSync(join(tmpdir(), 'postern-first-'));
  warnings = [];
});
afterEach(async () => {
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

function configOf(env: Readonly<Record<string, string>>): Config & { databaseUrl: string } {
  return loadConfig({ ...env, DATABASE_URL: database.url, DATA_DIR: dataDir }) as Config & { databaseUrl: string };
}

/** What a start does before it serves. */
function ensure(env: Readonly<Record<string, string>>, before?: (db: DataSource) => Promise<unknown>) {
  const config = configOf(env);
  return prepareDatabase(config, createLogger(config), async (db) => {
    await before?.(db);
    return ensureFirstAccounts(db, config, (warning) => warnings.push(warning));
  });
}

async function inDatabase(sql: string): Promise<unknown[]> {
  const config = configOf(NOTHING);
  return prepareDatabase(config, createLogger(config), (db) => db.query(sql));
}

function accountsIn(file: Readonly<Record<string, string>>): Account[] {
  return ['ADMIN', 'APP'].map((kind) => ({
    username: file[`BOOTSTRAP_${kind}_USERNAME`]!,
    password: file[`BOOTSTRAP_${kind}_PASSWORD`]!,
    apitoken: file[`BOOTSTRAP_${kind}_APITOKEN`]!,
  }));
}

describe('the first accounts in development', () => {
  it('are made up once, and kept in a file for their owner alone that a shell can read', async () => {
    const made = await ensure(NOTHING);
    expect(made.map(({ username, role }) => [username, role])).toEqual([
      ['admin', 'admin'],
      ['app', 'app'],
    ]);
    const path = credentialsPath({ dataDir });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(['credentials.env']);
    const shell = execFileSync('/bin/sh', [
      '-c',
      `. ${path}; printf %s "$BOOTSTRAP_APP_PASSWORD $BOOTSTRAP_ADMIN_APITOKEN"`,
    ]);
    expect(shell.toString()).toBe(`${made[1]!.password} ${made[0]!.apitoken}`);
    expect(await ensure(NOTHING)).toEqual([]);
    const app = await startTestApp({ databaseUrl: database.url });
    for (const account of accountsIn(await readCredentials(path))) await login(app.url, account);
    await app.close();
  });

  it('are told of in the audit, by nobody', async () => {
    const [admin] = await ensure(NOTHING);
    const rows = await inDatabase(
      `SELECT action, actor, detail FROM audit a JOIN users u ON u.userid = a.target WHERE username = 'admin' ORDER BY id`,
    );
    const apitoken = parseToken('apt', admin!.apitoken)!.id;
    expect(rows).toEqual([
      { action: 'user.created', actor: null, detail: { username: 'admin', apitoken } },
      { action: 'role.granted', actor: null, detail: { role: 'admin' } },
    ]);
  });

  it('are those of the file where a kill came between the file and the database', async () => {
    const [admin, app] = await ensure(NOTHING);
    await inDatabase('TRUNCATE user_roles, apitokens, users CASCADE');
    const again = await ensure(NOTHING);
    expect(again).toEqual([admin, app]);
  });

  it('are those that are given, where they are given, with the rest made up', async () => {
    const made = await ensure({
      ...NOTHING,
      BOOTSTRAP_ADMIN_USERNAME: 'ada',
      BOOTSTRAP_APP_PASSWORD: "it's a long 'password'",
    });
    expect(made[0]!.username).toBe('ada');
    expect(made[1]!.password).toBe("it's a long 'password'");
    expect(accountsIn(await readCredentials(credentialsPath({ dataDir })))).toEqual(
      made.map(({ username, password, apitoken }) => ({ username, password, apitoken })),
    );
  });

  it('never have one name, whichever is given', async () => {
    const made = await ensure({ ...NOTHING, BOOTSTRAP_ADMIN_USERNAME: 'app' });
    expect(made.map(({ username }) => username)).toEqual(['app', 'app-1']);
    await inDatabase('TRUNCATE user_roles, apitokens, users CASCADE');
    // The file has that name now, for the app account alone.
    await expect(ensure({ ...NOTHING, BOOTSTRAP_ADMIN_USERNAME: 'app-1' })).rejects.toThrow(
      /^BOOTSTRAP_APP_USERNAME: is the name of the other/,
    );
    expect(await inDatabase('SELECT 1 FROM users')).toEqual([]);
  });

  it('are made once where several processes start at once', async () => {
    const made = await Promise.all([ensure(NOTHING), ensure(NOTHING), ensure(NOTHING)]);
    expect(made.map((accounts) => accounts.length).toSorted()).toEqual([0, 0, 2]);
    const kept = accountsIn(await readCredentials(credentialsPath({ dataDir })));
    expect(kept[0]).toMatchObject({ password: made.flat()[0]!.password, apitoken: made.flat()[0]!.apitoken });
  });

  it('are made where a hash takes longer than the role lets a transaction idle', async () => {
    const limit = `DO $$ BEGIN EXECUTE format(
      'ALTER DATABASE %I SET idle_in_transaction_session_timeout = 400', current_database()); END $$`;
    await inDatabase(limit);
    // A second of a thread each, or more; between two statements of a busy process passes less than the limit.
    expect(await ensure({ ...NOTHING, PASSWORD_ITERATIONS: '2000000' })).toHaveLength(2);
  });

  it('leave a name alone that somebody has or has had, and say so', async () => {
    const taken = `INSERT INTO users (userid, username, status) VALUES (gen_random_uuid(), 'admin', 'deleted')`;
    const made = await ensure(NOTHING, (db) => db.query(taken));
    expect(made.map(({ role }) => role)).toEqual(['app']);
    expect(warnings).toEqual([expect.stringContaining('BOOTSTRAP_ADMIN_USERNAME')]);
  });

  it('must pass the password policy, from the file too', async () => {
    writeFileSync(credentialsPath({ dataDir }), `BOOTSTRAP_ADMIN_PASSWORD='passwordpassword'\n`);
    await expect(ensure(NOTHING)).rejects.toThrow(/^BOOTSTRAP_ADMIN_PASSWORD: must not/);
    expect(await inDatabase('SELECT 1 FROM users')).toEqual([]);
  });

  it('are refused where the file was edited into something else', async () => {
    writeFileSync(credentialsPath({ dataDir }), `BOOTSTRAP_ADMIN_APITOKEN='apt_mine'\n`);
    await expect(ensure(NOTHING)).rejects.toThrow(/^BOOTSTRAP_ADMIN_APITOKEN: is no apitoken$/);
  });
});

describe('the first accounts in production', () => {
  it('are those that are given, and leave no file', async () => {
    const made = await ensure({ ...PRODUCTION, ...GIVEN });
    expect(made).toEqual([
      { role: 'admin', ...FIRST_ADMIN },
      { role: 'app', ...FIRST_APP },
    ]);
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it('are none where none are given', async () => {
    expect(await ensure(PRODUCTION)).toEqual([]);
    expect(await inDatabase('SELECT 1 FROM users')).toEqual([]);
  });

  it('are ignored once an account of that role exists', async () => {
    await ensure({ ...PRODUCTION, ...GIVEN });
    expect(await ensure({ ...PRODUCTION, ...GIVEN, BOOTSTRAP_ADMIN_USERNAME: 'another' })).toEqual([]);
    expect(await inDatabase('SELECT username FROM users ORDER BY username')).toEqual([
      { username: FIRST_ADMIN.username },
      { username: FIRST_APP.username },
    ]);
  });
});

describe('what is made up', () => {
  it('passes the policy and is not twice the same', () => {
    const policy = new PasswordPolicy(configOf(NOTHING));
    const passwords = Array.from({ length: 200 }, makePassword);
    expect(new Set(passwords).size).toBe(200);
    for (const password of passwords) {
      expect(password).toMatch(/^([a-z2-9]{5}-){4}[a-z2-9]{5}$/);
      expect(policy.check(password, 'admin', 'password')).toEqual([]);
    }
  });

  it('comes back from the file whatever is in it', async () => {
    const path = join(dataDir, 'deep', 'credentials.env');
    const values = { A_QUOTE: `'a' "b" $HOME \`c\``, TWO_LINES: 'one\ntwo', EMPTY: '', ACCENT: 'é\\n' };
    await writeCredentials(path, values);
    expect(await readCredentials(path)).toEqual(values);
    const shell = execFileSync('/bin/sh', ['-c', `. ${path}; printf %s "$A_QUOTE"`]).toString();
    expect(shell).toBe(values.A_QUOTE);
    expect(await readCredentials(join(dataDir, 'missing'))).toEqual({});
    await expect(writeCredentials(path, { 'A;rm': 'x' })).rejects.toThrow();
    expect(readFileSync(path, 'utf8')).toContain('TWO_LINES');
  });
});

describe('the first start', () => {
  it(
    'prints once how to log in as each, and the lines work as they are',
    async () => {
      const env = processEnv({ DATABASE_URL: database.url, DATA_DIR: dataDir, SWAGGER_UI: 'true' });
      const first = await startService(env);
      await first.ready();
      const curls = () => [...first.stdout().matchAll(/^ {2}curl [\s\S]*?}'$/gm)].map(([line]) => line);
      // It is ready a moment before it says so.
      await eventually(() => curls().length === 2);
      for (const line of curls()) {
        expect(JSON.parse(execFileSync('/bin/sh', ['-c', line]).toString())).toMatchObject({
          accesstoken: expect.any(String),
        });
      }
      expect(first.stdout()).toContain(`${first.url}/docs`);
      expect(await first.end('SIGTERM')).toBe(0);
      const kept = accountsIn(await readCredentials(credentialsPath({ dataDir })));
      const second = await startService(env);
      await second.ready();
      await login(second.url, kept[0]!);
      expect(await second.end('SIGTERM')).toBe(0);
      for (const { password, apitoken } of kept) {
        expect(second.stdout() + second.stderr()).not.toContain(password);
        expect(second.stdout() + second.stderr()).not.toContain(apitoken);
      }
    },
    SLOW,
  );

  it(
    'prints no secret in production',
    async () => {
      const service = await startService({
        ...processEnv({}),
        ...PRODUCTION,
        ...GIVEN,
        DATABASE_URL: database.url,
        DATA_DIR: dataDir,
      });
      await service.ready();
      await login(service.url, FIRST_ADMIN);
      expect(await service.end('SIGTERM')).toBe(0);
      const all = service.stdout() + service.stderr();
      expect(all).toContain('made the first accounts');
      for (const { password, apitoken } of [FIRST_ADMIN, FIRST_APP]) {
        expect(all).not.toContain(password);
        expect(all).not.toContain(parseToken('apt', apitoken)!.secret);
      }
    },
    SLOW,
  );
});
