import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VARIABLES } from '../../src/config/env.js';
import { blamed, inProduction, load, problemsOf, SECRETS } from './environments.js';

interface Line {
  readonly name: string;
  readonly value: string;
  readonly meaning: string;
}

const LINES = readFileSync('.env.example', 'utf8').split('\n');

/** A variable and the line of explanation above it. */
const EXAMPLES: Line[] = LINES.flatMap((line, index) => {
  const [, name, value] = /^#([A-Z][A-Z_]*)=(.*)$/.exec(line) ?? [];
  return name === undefined ? [] : [{ name, value: value!, meaning: LINES[index - 1] ?? '' }];
});

const hasDefault = ({ meaning }: Line) => !meaning.endsWith('No default.');
const saysProduction = ({ meaning }: Line) => / In production: (\S+)\.$/.exec(meaning)?.[1];

/** Written down from the contract (section 6), so that table and file cannot be wrong together. */
const CONTRACT = `HOST PORT NODE_ENV DATA_DIR DATABASE_URL REDIS_URL REDIS_MODE REDIS_SENTINEL_NAME SESSION_STORE
  RUN_MIGRATIONS WEB_CONCURRENCY SESSION_IDLE_SECONDS SESSION_ABSOLUTE_SECONDS SESSION_TOKEN_IDLE_SECONDS
  SESSION_TOKEN_ABSOLUTE_SECONDS SESSIONS_PER_USER WEB_SIGNUP WEB_UI BASIC_AUTH WEB_ORIGINS TRUST_PROXY
  PASSWORD_MIN_LENGTH PASSWORD_ITERATIONS PASSWORD_PEPPER HASH_CONCURRENCY HASH_QUEUE SIGNUP_APP_PER_MINUTE
  SIGNUP_PER_SOURCE_PER_DAY WEB_SIGNUP_PER_SOURCE_PER_HOUR AUDIT_RETENTION_DAYS PASSWORD_CONTEXT_WORDS ALLOW_PLAINTEXT
  BOOTSTRAP_ADMIN_USERNAME BOOTSTRAP_ADMIN_PASSWORD BOOTSTRAP_ADMIN_APITOKEN BOOTSTRAP_APP_USERNAME
  BOOTSTRAP_APP_PASSWORD BOOTSTRAP_APP_APITOKEN SECRET_KEY TRUTH_LEASE_MS REAUTH_SECONDS SESSION_CACHE DRAIN_SECONDS
  SWAGGER_UI METRICS_PORT LOG_LEVEL`.split(/\s+/);

it('lists exactly the variables that env.ts reads, which are those of the contract, each once', () => {
  expect(EXAMPLES.map(({ name }) => name).sort()).toEqual(Object.keys(VARIABLES).sort());
  expect(Object.keys(VARIABLES).sort()).toEqual([...CONTRACT].sort());
});

it('explains each in the line above, and consists of nothing else', () => {
  expect(EXAMPLES.filter(({ meaning }) => !/^# \S.*\.$/.test(meaning))).toEqual([]);
  expect(LINES.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
});

it.each(EXAMPLES.filter(hasDefault))('$name=$value is what counts where nothing is said', ({ name, value }) => {
  expect(load({ [name]: value })).toEqual(load({}));
});

it.each(EXAMPLES.filter(hasDefault).filter(({ name }) => name !== 'NODE_ENV' && name !== 'WEB_ORIGINS'))(
  '$name in production is what the file says',
  (line) => {
    const value = saysProduction(line) ?? line.value;
    expect(load(inProduction({ [line.name]: value }))).toEqual(load(inProduction({})));
  },
);

it('says "In production" only where it differs', () => {
  const said = EXAMPLES.filter((line) => saysProduction(line) !== undefined);
  expect(said.map(({ name }) => name).sort()).toEqual(['DRAIN_SECONDS', 'SESSION_STORE', 'SWAGGER_UI', 'WEB_SIGNUP']);
  expect(said.filter((line) => saysProduction(line) === line.value)).toEqual([]);
});

describe.each(['start', 'migrate', 'admin'])('npm run %s', (script) => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const flags = / exec node (.*) dist\/\w+\.js/.exec(scripts[script]!)?.[1] ?? '';
  let folder: string;

  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'postern-env-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = (env: Record<string, string>) => {
    // The shell sets some of its own, which are none of ours.
    const script = `exec '${process.execPath}' ${flags} -p 'JSON.stringify(process.env)'`;
    const shown = execFileSync('/bin/sh', ['-c', script], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const { PWD: _pwd, OLDPWD: _oldpwd, SHLVL: _shlvl, _: _last, ...read } = JSON.parse(shown.toString());
    return read as Record<string, string>;
  };

  it('reads the copy of it, beneath the environment', () => {
    writeFileSync(join(folder, '.env'), LINES.map((line) => line.replace(/^#(?=[A-Z])/, '')).join('\n'));
    const values = Object.fromEntries(EXAMPLES.map(({ name, value }) => [name, value]));
    expect(read({ PORT: '4000' })).toEqual({ ...values, PORT: '4000' });
  });

  it('does without', () => {
    expect(read({ PORT: '4000' })).toEqual({ PORT: '4000' });
  });
});

it('says "No default" exactly where there is none', () => {
  const without = EXAMPLES.filter((line) => !hasDefault(line)).map(({ name }) => name);
  const table = Object.entries(VARIABLES).flatMap(([name, variable]) => ('default' in variable ? [] : [name]));
  expect(without.sort()).toEqual(table.sort());
});

it('says "Secret" exactly of the secrets', () => {
  const said = EXAMPLES.filter(({ meaning }) => / Secret\./.test(meaning)).map(({ name }) => name);
  expect(said.sort()).toEqual([...SECRETS].sort());
});

it.each(EXAMPLES.filter(({ name }) => SECRETS.includes(name)))('$name=$value is refused in production', (line) => {
  expect(blamed(inProduction({ [line.name]: line.value }))).toContain(line.name);
});

it.each(EXAMPLES.filter((line) => !hasDefault(line) && !SECRETS.includes(line.name)))(
  '$name=$value is an example that works and changes something',
  ({ name, value }) => {
    expect(problemsOf({ [name]: value })).toEqual([]);
    expect(load({ [name]: value })).not.toEqual(load({}));
  },
);
