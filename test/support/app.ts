import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import { TruthService } from '../../src/authority/truth.service.js';
import { ensureFirstAccounts } from '../../src/bootstrap/first-accounts.js';
import { createLogger } from '../../src/bootstrap/logger.js';
import { prepareDatabase } from '../../src/bootstrap/prepare-database.js';
import { serve } from '../../src/bootstrap/serve.js';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/env.js';
import { createTestDatabase } from '../setup/test-database.js';
import { createTestRedis } from '../setup/test-redis.js';
import { eventually } from './barrier.js';
import { FIRST_ACCOUNTS_ENV } from './first-accounts.js';

/** Few rounds, a short lease, and sources that a test can choose by `X-Forwarded-For`. */
export const TEST_ENV: Readonly<Record<string, string>> = {
  NODE_ENV: 'test',
  PORT: '0',
  LOG_LEVEL: 'silent',
  SWAGGER_UI: 'false',
  // They must be built first; the tests that are about them turn them on.
  WEB_UI: 'false',
  TRUST_PROXY: '127.0.0.1/32',
  // Longer than the contract's default: two test files compile and hash at once on the same two cores.
  TRUTH_LEASE_MS: '3000',
  PASSWORD_ITERATIONS: '1000',
  HASH_CONCURRENCY: '1',
  ...FIRST_ACCOUNTS_ENV,
};

export interface TestAppOptions {
  /** Beside or instead of `TEST_ENV`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another application's, to be a second process beside it; default: a database of its own, dropped at `close`. */
  readonly databaseUrl?: string;
  /** Default with `store: 'redis'`: one of its own. */
  readonly redisUrl?: string;
  /** Where sessions are kept; default: Redis where `redisUrl` is given, else Postgres. */
  readonly store?: 'redis' | 'postgres';
}

/** The whole service in this process, made as main makes it, listening and ready. */
export interface TestApp {
  readonly url: string;
  readonly app: NestFastifyApplication;
  readonly config: Config;
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  readonly db: DataSource;
  /** What METRICS_PORT would tell; undefined without it. */
  readonly metrics: Registry | undefined;
  /** Why it said that it must not go on. */
  readonly fatal: readonly string[];
  /** The one instance of that class in it. */
  get<T>(type: abstract new (...args: never[]) => T): T;
  close(): Promise<void>;
}

/** Starts the service on real Postgres, and Redis where asked. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const undo: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const { config, databaseUrl } = await configure(options, undo);
    const logger = createLogger(config);
    await prepareDatabase(config, logger, (dataSource) => ensureFirstAccounts(dataSource, config, () => undefined));
    const fatal: string[] = [];
    const serving = await serve(config, logger, (reason) => fatal.push(reason));
    undo.push(() => serving.stop(false));
    const { app, url, metrics } = serving;
    const truth = app.get(TruthService);
    await eventually(() => truth.ready);
    const get = <T>(type: abstract new (...args: never[]) => T): T => app.get<T>(type, { strict: false });
    const db = app.get<DataSource>(getDataSourceToken());
    return { url, app, config, databaseUrl, redisUrl: config.redisUrl, db, metrics, fatal, get, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function configure(options: TestAppOptions, undo: (() => Promise<unknown>)[]) {
  const databaseUrl = options.databaseUrl ?? (await ownDatabase(undo));
  const redisUrl = options.redisUrl ?? (options.store === 'redis' ? await ownRedis(undo) : undefined);
  const dataDir = mkdtempSync(join(tmpdir(), 'postern-app-'));
  undo.push(() => Promise.resolve(rmSync(dataDir, { recursive: true, force: true })));
  const config = loadConfig({
    ...TEST_ENV,
    DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    ...(options.store === undefined ? {} : { SESSION_STORE: options.store }),
    ...options.env,
  });
  return { config: config as Config & { databaseUrl: string }, databaseUrl };
}

async function ownDatabase(undo: (() => Promise<unknown>)[]): Promise<string> {
  const database = await createTestDatabase();
  undo.push(() => database.drop());
  return database.url;
}

async function ownRedis(undo: (() => Promise<unknown>)[]): Promise<string> {
  const redis = await createTestRedis();
  undo.push(() => redis.stop());
  return redis.url;
}
