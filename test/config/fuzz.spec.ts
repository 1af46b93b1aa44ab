import fc from 'fast-check';
import { type Config } from '../../src/config/config.js';
import { ConfigError, VARIABLES } from '../../src/config/env.js';
import { APITOKEN, type Env, load, PEPPER, PRODUCTION, SECRETS } from './environments.js';

const NAMES = Object.keys(VARIABLES);
const BASES: [string, Env][] = [
  ['development', {}],
  ['test', { NODE_ENV: 'test' }],
  ['production', PRODUCTION],
];

/** Empty, negative, huge, of the wrong type, and what people and templates really leave behind. */
const HOSTILE = [
  ...[
    '',
    ' ',
    '\t',
    '\n',
    '-1',
    '-0',
    '0',
    '1',
    '1.5',
    '1e9',
    '0x1f',
    '12abc',
    '007',
    'NaN',
    'Infinity',
    '99999999999',
  ],
  ...['9007199254740993', '1'.repeat(400), 'true', 'false', 'null', 'undefined', '[object Object]', '{}', '[]', '""'],
  ...[
    '__proto__',
    'constructor',
    'toString',
    '%',
    '%00',
    '%zz',
    '\0',
    'a\0b',
    '\ud800',
    '\u202e',
    'ｔｒｕｅ',
    '💥',
    ',',
  ],
  ...[',,,', ':', '://', '//', '/', '\\', '*', '${X}', '$(id)', '<x>', "'; DROP TABLE users; --", '@', '?', '#', '::'],
  ...['postgres://', 'redis://', 'http://', 'https://', 'http://[', 'x'.repeat(100_000), 'a,'.repeat(20_000)],
];

/** What may reach the rest of the service, whatever the environment held: the promises that are broken. */
function brokenPromises(config: Config): string[] {
  const numbers = Object.values(config).filter((value) => typeof value === 'number');
  const promises = {
    'numbers are whole': numbers.length > 15 && numbers.every((value) => Number.isSafeInteger(value) && value >= 0),
    'idle within absolute': config.sessionIdleSeconds <= config.sessionAbsoluteSeconds,
    'token idle within absolute': config.sessionTokenIdleSeconds <= config.sessionTokenAbsoluteSeconds,
    '30 days': Math.max(config.sessionAbsoluteSeconds, config.sessionTokenAbsoluteSeconds) <= 2_592_000,
    'a lease of half a second': config.truthLeaseMs >= 500,
    'eight characters': config.passwordMinLength >= 8,
    'a hashing thread': config.hashConcurrency >= 1,
    'enough rounds': config.environment === 'test' || config.passwordIterations >= 210_000,
    'a Redis for the Redis store': config.sessionStore === 'postgres' || config.redisUrl !== undefined,
    'a key for Basic': !config.basicAuth || config.secretKey!.length >= 32,
    'proxies are blocks': config.trustProxy.every((entry) => /^[0-9a-f.:]+\/[1-9]\d*$/i.test(entry)),
    'origins are exact': config.webOrigins.every((entry) => new URL(entry).origin === entry),
    'there are origins': config.webOrigins.length > 0,
  };
  return Object.entries(promises).flatMap(([promise, kept]) => (kept ? [] : [promise]));
}

/** Either a safe configuration, or an error of which every problem names a variable and one names this one. */
function expectNamedOrSafe(env: Env, name: string): 'named' | 'safe' {
  try {
    expect(brokenPromises(load(env))).toEqual([]);
    return 'safe';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.problems.filter((problem) => !/^[A-Z][A-Z_]+[:,] ?\S/.test(problem))).toEqual([]);
    expect(error.message).toContain(name);
    expect(error.problems.filter((problem) => problem.length > 250 || /\p{Cc}/u.test(problem))).toEqual([]);
    return 'named';
  }
}

describe.each(BASES)('in %s', (_, base) => {
  it.each(NAMES)('%s: nothing, nonsense and extremes are named or harmless', (name) => {
    expectNamedOrSafe({ ...base, [name]: undefined }, name);
    const results = HOSTILE.map((value) => expectNamedOrSafe({ ...base, [name]: value }, name));
    expect(results[0]).toBe('named');
    expect(results.filter((result) => result === 'named').length).toBeGreaterThan(5);
  });

  it('any text in any variables', () => {
    const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.integer().map(String), fc.webUrl(), fc.ipV4(), fc.ipV6());
    const envs = fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), texts), { maxLength: 4, selector: ([n]) => n });
    fc.assert(
      fc.property(envs, (entries) => {
        expectNamedOrSafe({ ...base, ...Object.fromEntries(entries) }, '');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('secrets are never printed', () => {
  const CANARY = 'kAnArYbIrD7391';
  const shapes = [
    (canary: string) => canary,
    (canary: string) => `postgres://${canary}:${canary}@${canary}:99999/${canary}?sslmode=${canary}`,
    (canary: string) => `postgres://u:${canary}@db.internal/x`,
    (canary: string) => `redis://u:${canary}@redis.internal/${canary}`,
    (canary: string) => `redis://u:${canary}@a:1,b:2`,
    (canary: string) => `https://u:${canary}@host/${canary}`,
    (canary: string) => `${PEPPER},${canary}:${canary}`,
    (canary: string) => `${APITOKEN}${canary}`,
    (canary: string) => `<${canary}>`,
    (canary: string) => `${canary}\n${canary}`,
    (canary: string) => canary.repeat(100),
  ];

  function leaks(env: Env): boolean {
    const options = {
      readFile: (path: string) => {
        if (path.startsWith('/run')) return CANARY;
        throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT', path });
      },
    };
    try {
      return JSON.stringify(load(env, options).warnings).includes(CANARY);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const { problems, message, stack, cause } = error;
      return JSON.stringify([problems, message, stack, cause]).toLowerCase().includes(CANARY.toLowerCase());
    }
  }

  it.each(BASES)('in %s, whatever variable they stand in', (_, base) => {
    const envs = NAMES.flatMap((name) => shapes.map((shape) => ({ ...base, [name]: shape(CANARY) })));
    expect(envs.filter(leaks)).toEqual([]);
  });

  it.each(BASES)('in %s, with a problem in every variable at once, and by file', (_, base) => {
    const everywhere = shapes.map((shape) => Object.fromEntries(NAMES.map((name) => [name, shape(CANARY)])));
    const files = ['/run/x', CANARY].map((path) => Object.fromEntries(SECRETS.map((name) => [`${name}_FILE`, path])));
    expect([...everywhere, ...files].map((env) => ({ ...base, ...env })).filter(leaks)).toEqual([]);
  });
});
