import { formatToken, makeToken, parseToken } from '../../src/common/secret-token.js';
import { APITOKEN, blamed, inProduction, load, PEPPER, problemsOf } from './environments.js';

describe('numbers and words', () => {
  it.each([
    ['PORT', 'port', ['1', '65535'], ['-1', '65536', '3e3', '0x50', '080', '80 ', ' 80', '80.0', '+80', '', '８０']],
    ['METRICS_PORT', 'metricsPort', ['1', '65535'], ['0', '65536']],
    ['TRUTH_LEASE_MS', 'truthLeaseMs', ['500', '10000'], ['499', '10001']],
    ['PASSWORD_MIN_LENGTH', 'passwordMinLength', ['8', '64'], ['7', '65']],
    ['PASSWORD_ITERATIONS', 'passwordIterations', ['210000', '2000000'], ['209999', '2000001']],
    ['SESSIONS_PER_USER', 'sessionsPerUser', ['1', '10000'], ['0', '10001']],
    ['WEB_CONCURRENCY', 'webConcurrency', ['1', '256'], ['0', '257', 'max']],
    ['HASH_CONCURRENCY', 'hashConcurrency', ['1', '1024'], ['0', '1025']],
    ['HASH_QUEUE', 'hashQueue', ['1', '10000'], ['0', '10001']],
    ['REAUTH_SECONDS', 'reauthSeconds', ['1', '86400'], ['0', '86401']],
    ['DRAIN_SECONDS', 'drainSeconds', ['0', '600'], ['-0', '601']],
    ['SIGNUP_APP_PER_MINUTE', 'signupAppPerMinute', ['1', '1000000'], ['0', '1000001']],
    ['SIGNUP_PER_SOURCE_PER_DAY', 'signupPerSourcePerDay', ['1', '1000000'], ['0', '1000001']],
    ['WEB_SIGNUP_PER_SOURCE_PER_HOUR', 'webSignupPerSourcePerHour', ['1', '1000000'], ['0', '1000001']],
    ['AUDIT_RETENTION_DAYS', 'auditRetentionDays', ['1', '36500'], ['0', '36501']],
  ] as const)('%s has its bounds', (name, field, good, bad) => {
    expect(good.map((text) => load({ [name]: text })[field])).toEqual(good.map(Number));
    expect(bad.flatMap((text) => blamed({ [name]: text }))).toEqual(bad.map(() => name));
  });

  it.each(['RUN_MIGRATIONS', 'WEB_UI', 'BASIC_AUTH', 'ALLOW_PLAINTEXT', 'SWAGGER_UI'])(
    '%s is true or false and nothing else',
    (name) => {
      expect(problemsOf({ [name]: 'false' })).toEqual([]);
      const wrong = ['', 'TRUE', 'True', '1', '0', 'yes', 'on', ' true', 'null'];
      expect(wrong.map((text) => blamed({ [name]: text }))).toEqual(wrong.map(() => [name]));
    },
  );

  it('switches are read, not merely accepted', () => {
    const off = load({ RUN_MIGRATIONS: 'false', WEB_UI: 'false', SWAGGER_UI: 'false', WEB_SIGNUP: 'closed' });
    expect(off).toMatchObject({ runMigrations: false, webUi: false, swaggerUi: false, webSignup: 'closed' });
    const on = load(inProduction({ SWAGGER_UI: 'true', WEB_SIGNUP: 'open', ALLOW_PLAINTEXT: 'true' }));
    expect(on).toMatchObject({ swaggerUi: true, webSignup: 'open', allowPlaintext: true });
  });

  it('words are one of the list, in lower case', () => {
    const wrong = { WEB_SIGNUP: 'Open', SESSION_CACHE: 'loose', SESSION_STORE: 'memory', LOG_LEVEL: 'INFO' };
    expect(blamed({ ...wrong, REDIS_MODE: '', NODE_ENV: 'staging' })).toEqual(
      [...Object.keys(wrong), 'REDIS_MODE', 'NODE_ENV'].sort(),
    );
    expect(load({ LOG_LEVEL: 'silent' }).logLevel).toBe('silent');
  });

  it('context words are a list without empty entries', () => {
    expect(load({ PASSWORD_CONTEXT_WORDS: 'acme, Rocket,acme' }).passwordContextWords).toEqual(['acme', 'Rocket']);
    expect(problemsOf({ PASSWORD_CONTEXT_WORDS: ',acme,,x' })).toEqual([
      'PASSWORD_CONTEXT_WORDS: entry 1, 3 is empty; entry 4 must have 2 to 64 characters',
    ]);
    expect(problemsOf({ PASSWORD_CONTEXT_WORDS: ',,,,,' })).toEqual([
      'PASSWORD_CONTEXT_WORDS: entry 1, 2, 3, 4, 5 … is empty',
    ]);
  });
});

describe('first accounts', () => {
  const admin = {
    BOOTSTRAP_ADMIN_USERNAME: 'Root.Admin',
    BOOTSTRAP_ADMIN_PASSWORD: 'seventeen brown owls',
    BOOTSTRAP_ADMIN_APITOKEN: APITOKEN,
  };

  it('are taken whole, with the username folded', () => {
    const config = load(inProduction(admin));
    const expected = { username: 'root.admin', password: 'seventeen brown owls', apitoken: APITOKEN };
    expect(config.bootstrapAdmin).toEqual(expected);
    expect(config.bootstrapApp).toBeUndefined();
  });

  it('are taken in part in development', () => {
    expect(load({ BOOTSTRAP_APP_USERNAME: 'ＡＰＰ' }).bootstrapApp).toEqual({ username: 'app' });
  });

  it.each(Object.keys(admin))('are complete or absent in production: without %s', (missing) => {
    for (const rename of [(name: string) => name, (name: string) => name.replace('ADMIN', 'APP')]) {
      const group = Object.fromEntries(Object.entries(admin).map(([name, value]) => [rename(name), value]));
      const problems = problemsOf(inProduction({ ...group, [rename(missing)]: undefined }));
      expect(problems).toEqual([expect.stringMatching(new RegExp(`^${rename(missing)}: missing beside `))]);
    }
  });

  it.each([
    ['BOOTSTRAP_ADMIN_USERNAME', ['ab', '1abc', 'a b c', 'naïve', 'a'.repeat(33), 'admin@acme', '-abc']],
    ['BOOTSTRAP_APP_APITOKEN', [APITOKEN.replace('apt_', 'act_'), APITOKEN.slice(0, -1), `${APITOKEN}x`, 'token']],
    ['BOOTSTRAP_APP_PASSWORD', ['fourteen chars', 'x'.repeat(129), '𝕏'.repeat(129), '']],
  ])('%s must be one that the service would take', (name, wrong) => {
    expect(wrong.map((text) => blamed({ [name]: text }))).toEqual(wrong.map(() => [name]));
  });

  it('have passwords as long as everybody', () => {
    const env = { BOOTSTRAP_ADMIN_PASSWORD: 'ten chars!' };
    expect(blamed(env)).toEqual(['BOOTSTRAP_ADMIN_PASSWORD']);
    expect(problemsOf({ ...env, PASSWORD_MIN_LENGTH: '10' })).toEqual([]);
    // Combining marks count as the one character that they make: 15 after NFC, 16 before.
    const composed = 'e\u0301leven dry owls';
    expect(problemsOf({ BOOTSTRAP_ADMIN_PASSWORD: composed })).toEqual([]);
    expect(blamed({ BOOTSTRAP_ADMIN_PASSWORD: composed.slice(0, -1) })).toEqual(['BOOTSTRAP_ADMIN_PASSWORD']);
  });

  it('are two accounts', () => {
    const app = { BOOTSTRAP_APP_USERNAME: 'root.admin', BOOTSTRAP_APP_APITOKEN: APITOKEN };
    expect(blamed({ ...admin, ...app })).toEqual(['BOOTSTRAP_APP_APITOKEN', 'BOOTSTRAP_APP_USERNAME']);
    const sameId = formatToken('apt', { ...makeToken(), id: parseToken('apt', APITOKEN)!.id });
    expect(blamed({ ...admin, BOOTSTRAP_APP_APITOKEN: sameId })).toEqual(['BOOTSTRAP_APP_APITOKEN']);
  });

  it('have passwords that anybody might have, or they are named with all else that is wrong', () => {
    const weak = { BOOTSTRAP_ADMIN_PASSWORD: 'passwordpassword1', BOOTSTRAP_APP_PASSWORD: 'mobile.client2026' };
    expect(blamed({ ...weak, BOOTSTRAP_APP_USERNAME: 'mobile.client', PORT: 'x' })).toEqual([
      ...['BOOTSTRAP_ADMIN_PASSWORD', 'BOOTSTRAP_APP_PASSWORD', 'PORT'],
    ]);
    const ofTheHouse = { BOOTSTRAP_ADMIN_PASSWORD: 'roadrunner-2026-11', BOOTSTRAP_ADMIN_USERNAME: '1' };
    expect(blamed({ ...ofTheHouse, PASSWORD_CONTEXT_WORDS: 'roadrunner' })).toEqual([
      ...['BOOTSTRAP_ADMIN_PASSWORD', 'BOOTSTRAP_ADMIN_USERNAME'],
    ]);
    expect(problemsOf({ ...ofTheHouse, PASSWORD_CONTEXT_WORDS: 'roadrunner' }).join()).not.toContain('roadrunner');
  });
});

describe('peppers', () => {
  it('are ids with 32 bytes each, the first one in front', () => {
    const old = `2024.a_b:${Buffer.alloc(32, 7).toString('base64')}`;
    const { passwordPeppers } = load({ PASSWORD_PEPPER: `${PEPPER},${old}` });
    expect(passwordPeppers.map(({ id, key }) => [id, key.length])).toEqual([
      ['p1', 32],
      ['2024.a_b', 32],
    ]);
    expect(passwordPeppers[1]!.key).toEqual(Buffer.alloc(32, 7));
  });

  it.each([
    ['no id', PEPPER.slice(3)],
    ['an empty id', PEPPER.slice(2)],
    ['an id that would break the stored hash', PEPPER.replace('p1', 'p$1')],
    ['31 bytes', `p1:${Buffer.alloc(31, 7).toString('base64')}`],
    ['33 bytes', `p1:${Buffer.alloc(33, 7).toString('base64')}`],
    ['no padding', PEPPER.slice(0, -1)],
    ['base64url', `p1:${Buffer.alloc(32, 255).toString('base64url')}=`],
    ['stray bits at the end', PEPPER.replace('/0=', '/1=')],
    ['one id twice', `${PEPPER},${PEPPER}`],
    ['an empty entry', `${PEPPER},`],
    ['a space', `${PEPPER}, ${PEPPER.replace('p1', 'p2')}`],
  ])('are refused with %s', (_, text) => {
    expect(blamed({ PASSWORD_PEPPER: text })).toEqual(['PASSWORD_PEPPER']);
  });
});
