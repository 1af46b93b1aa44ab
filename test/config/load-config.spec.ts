import { Test } from '@nestjs/testing';
import { ConfigModule } from '../../src/config/config.module.js';
import { Config } from '../../src/config/config.js';
import { ConfigError, loadConfig, loadConfigFromEnvironment } from '../../src/config/env.js';
import { blamed, inProduction, load, problemsOf, PRODUCTION } from './environments.js';

describe('defaults', () => {
  it('start a development service from an empty environment', () => {
    expect({ ...load({}) }).toEqual({
      environment: 'development',
      host: '127.0.0.1',
      port: 3000,
      dataDir: '.data',
      databaseUrl: undefined,
      redisUrl: undefined,
      redisMode: 'single',
      redisSentinelName: 'mymaster',
      sessionStore: 'postgres',
      runMigrations: true,
      webConcurrency: 1,
      sessionIdleSeconds: 3600,
      sessionAbsoluteSeconds: 86400,
      sessionTokenIdleSeconds: 3600,
      sessionTokenAbsoluteSeconds: 86400,
      sessionsPerUser: 20,
      sessionCache: 'strict',
      reauthSeconds: 300,
      truthLeaseMs: 2000,
      webSignup: 'open',
      webUi: true,
      basicAuth: false,
      webOrigins: ['http://localhost:3000', 'http://127.0.0.1:3000'],
      trustProxy: [],
      secretKey: undefined,
      passwordMinLength: 15,
      passwordIterations: 220000,
      passwordPeppers: [],
      passwordContextWords: [],
      hashConcurrency: 2,
      hashQueue: 16,
      signupAppPerMinute: 600,
      signupPerSourcePerDay: 100,
      webSignupPerSourcePerHour: 5,
      auditRetentionDays: 365,
      allowPlaintext: false,
      drainSeconds: 0,
      swaggerUi: true,
      metricsPort: undefined,
      logLevel: 'info',
      bootstrapAdmin: undefined,
      bootstrapApp: undefined,
      warnings: [],
    });
  });

  it('are closed in production', () => {
    expect(load(PRODUCTION)).toMatchObject({
      environment: 'production',
      sessionStore: 'redis',
      webSignup: 'closed',
      swaggerUi: false,
      drainSeconds: 5,
      webOrigins: ['https://app.acme.io'],
      warnings: [],
    });
  });

  it('are those of development in a test, but for the rounds', () => {
    const config = load({ NODE_ENV: 'test', PASSWORD_ITERATIONS: '1' });
    expect({ ...config, environment: 'development', passwordIterations: 220000 }).toEqual({ ...load({}) });
    expect(blamed({ PASSWORD_ITERATIONS: '209999' })).toEqual(['PASSWORD_ITERATIONS']);
    expect(blamed(inProduction({ PASSWORD_ITERATIONS: '209999' }))).toEqual(['PASSWORD_ITERATIONS']);
    expect(load({ PASSWORD_ITERATIONS: '210000' }).passwordIterations).toBe(210000);
  });

  it('follow the variables they are made of', () => {
    expect(load({ REDIS_URL: 'redis://127.0.0.1:6379' }).sessionStore).toBe('redis');
    expect(load({ PORT: '80' }).webOrigins).toEqual(['http://localhost', 'http://127.0.0.1']);
    expect(load({ SESSION_IDLE_SECONDS: '60', SESSION_ABSOLUTE_SECONDS: '90' })).toMatchObject({
      sessionTokenIdleSeconds: 60,
      sessionTokenAbsoluteSeconds: 90,
    });
    expect(load({ SESSION_ABSOLUTE_SECONDS: '90' })).toMatchObject({
      sessionIdleSeconds: 90,
      sessionTokenIdleSeconds: 90,
    });
  });

  it.each([
    [8, '2', 4, 32],
    [8, '3', 2, 16],
    [2, '4', 1, 8],
  ])('share %i cores among %s processes: %i threads, %i waiting', (cores, WEB_CONCURRENCY, threads, waiting) => {
    const config = load({ WEB_CONCURRENCY }, { cores });
    expect([config.hashConcurrency, config.hashQueue]).toEqual([threads, waiting]);
  });
});

describe('what is wrong', () => {
  it('is named all at once, each variable for itself', () => {
    const env = { NODE_ENV: 'production', PORT: '12abc', WEB_UI: 'yes', TRUTH_LEASE_MS: '499', LOG_LEVEL: 'loud' };
    expect(blamed(env)).toEqual([
      'DATABASE_URL',
      'LOG_LEVEL',
      'PORT',
      'REDIS_URL',
      'TRUTH_LEASE_MS',
      'WEB_ORIGINS',
      'WEB_UI',
    ]);
    expect(() => load(env)).toThrow(ConfigError);
  });

  it('is not blamed on variables that lean on the wrong one', () => {
    expect(blamed({ NODE_ENV: 'prod' })).toEqual(['NODE_ENV']);
    expect(blamed({ PORT: 'x', WEB_CONCURRENCY: 'x', SESSION_ABSOLUTE_SECONDS: 'x' })).toEqual([
      'PORT',
      'SESSION_ABSOLUTE_SECONDS',
      'WEB_CONCURRENCY',
    ]);
    for (const env of [
      { SESSION_STORE: 'redis' },
      { SESSION_CACHE: 'tracked' },
      { DATABASE_URL: 'x', NODE_ENV: 'x' },
    ]) {
      const wrong = { REDIS_URL: 'http://x', ...env };
      expect(problemsOf(wrong)).toHaveLength(blamed(wrong).length);
      expect(blamed(wrong)).not.toContain('SESSION_CACHE');
    }
    expect(problemsOf(inProduction({ DATABASE_URL: 'x', REDIS_URL: 'x', WEB_ORIGINS: 'x' }))).toHaveLength(3);
  });

  it('is nothing that nobody reads', () => {
    expect(problemsOf({ PORTT: 'x', PATH: '', PORT_FILE: '/nowhere' })).toEqual([]);
  });

  it.each(['DATABASE_URL', 'WEB_ORIGINS', 'REDIS_URL'])('is a missing %s in production', (name) => {
    expect(blamed(inProduction({ [name]: undefined }))).toEqual([name]);
  });

  it('is no missing REDIS_URL where production says SESSION_STORE=postgres', () => {
    const env = inProduction({ REDIS_URL: undefined, SESSION_STORE: 'postgres' });
    expect(load(env).sessionStore).toBe('postgres');
  });
});

describe('variables that need one another', () => {
  const redis = { REDIS_URL: 'redis://localhost:6379' };
  const key = { SECRET_KEY: 'k'.repeat(32) };

  it.each([
    ['the Redis store needs Redis', { SESSION_STORE: 'redis' }, ['REDIS_URL']],
    ['the near cache needs the Redis store', { SESSION_CACHE: 'tracked' }, ['SESSION_CACHE']],
    [
      'also where Redis is there but not the store',
      { ...redis, SESSION_STORE: 'postgres', SESSION_CACHE: 'tracked' },
      ['SESSION_CACHE'],
    ],
    ['the near cache has it', { ...redis, SESSION_CACHE: 'tracked' }, []],
    ['Basic needs the store and the key', { BASIC_AUTH: 'true' }, ['BASIC_AUTH', 'SECRET_KEY']],
    ['Basic needs the key', { ...redis, BASIC_AUTH: 'true' }, ['SECRET_KEY']],
    ['Basic needs the store', { ...key, BASIC_AUTH: 'true' }, ['BASIC_AUTH']],
    ['Basic needs a long key', { ...redis, BASIC_AUTH: 'true', SECRET_KEY: 'k'.repeat(31) }, ['SECRET_KEY']],
    ['Basic has all', { ...redis, ...key, BASIC_AUTH: 'true' }, []],
    ['idle within absolute', { SESSION_IDLE_SECONDS: '86401' }, ['SESSION_IDLE_SECONDS']],
    ['token idle within absolute', { SESSION_TOKEN_IDLE_SECONDS: '86401' }, ['SESSION_TOKEN_IDLE_SECONDS']],
    [
      'a phone may stay longer',
      { SESSION_TOKEN_IDLE_SECONDS: '2592000', SESSION_TOKEN_ABSOLUTE_SECONDS: '2592000' },
      [],
    ],
    ['nobody stays longer than 30 days', { SESSION_ABSOLUTE_SECONDS: '2592001' }, ['SESSION_ABSOLUTE_SECONDS']],
    ['metrics have a port of their own', { METRICS_PORT: '3000' }, ['METRICS_PORT']],
    ['a cluster has no numbered databases', { REDIS_URL: 'redis://a:1,b:2/3', REDIS_MODE: 'cluster' }, ['REDIS_URL']],
    ['several hosts are no single', { REDIS_URL: 'redis://a:1,b:2' }, ['REDIS_URL']],
  ])('%s', (_, env, names) => {
    expect(blamed(env)).toEqual(names);
  });

  it('0 as port is for tests', () => {
    expect(load({ NODE_ENV: 'test', PORT: '0' }).port).toBe(0);
    expect(blamed(inProduction({ PORT: '0' }))).toEqual(['PORT']);
  });
});

describe('warnings', () => {
  it('say that short passwords are allowed', () => {
    expect(load({ PASSWORD_MIN_LENGTH: '14' }).warnings).toEqual([expect.stringMatching(/^PASSWORD_MIN_LENGTH: /)]);
    expect(load({ PASSWORD_MIN_LENGTH: '15' }).warnings).toEqual([]);
  });

  it('say that something goes over the network in clear', () => {
    const clear = { REDIS_URL: 'redis://redis.internal:6379', ALLOW_PLAINTEXT: 'true' };
    expect(load(inProduction(clear)).warnings).toEqual([expect.stringMatching(/^ALLOW_PLAINTEXT: /)]);
    expect(load(inProduction({ ALLOW_PLAINTEXT: 'true' })).warnings).toEqual([]);
  });
});

describe('the configuration', () => {
  it('is one frozen Config, injected by its class', async () => {
    const config = load({});
    const module = await Test.createTestingModule({ imports: [ConfigModule.forRoot(config)] }).compile();
    expect(module.get(Config)).toBe(config);
    expect(config).toBeInstanceOf(Config);
    expect(Object.isFrozen(config)).toBe(true);
    await module.close();
  });

  it('comes from the environment of the process', () => {
    const before = process.env['REAUTH_SECONDS'];
    process.env['REAUTH_SECONDS'] = '77';
    try {
      expect(loadConfigFromEnvironment().reauthSeconds).toBe(77);
    } finally {
      if (before === undefined) delete process.env['REAUTH_SECONDS'];
      else process.env['REAUTH_SECONDS'] = before;
    }
  });

  it('counts the cores of the machine where nobody says how many', () => {
    expect(loadConfig({}).hashConcurrency).toBeGreaterThanOrEqual(1);
  });
});
