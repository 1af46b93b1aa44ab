import { existsSync, readdirSync } from 'node:fs';
import { DataSource, MigrationExecutor, type DataSourceOptions, type MigrationInterface } from 'typeorm';
import { PooledClient } from './pooled-client.js';

/** Any number; two processes that migrate at once wait for one another under it. */
export const MIGRATION_LOCK = 7_305_114;

/**
 * Whatever times the role has of its own: another process may be at it for minutes, and a migration take as long. The
 * locks of tables are waited for by the role's time again, since whoever waits for one keeps others out.
 */
const WAIT_FOR_OTHERS = `SELECT set_config('lock_timeout', '5min', true), set_config('statement_timeout', '0', true)`;

type MigrationClass = new () => MigrationInterface;

/** Every migration, oldest first, from the folder beside the sources or beside what was built of them. */
const MIGRATIONS = await loadMigrations();

async function loadMigrations(): Promise<MigrationClass[]> {
  const folders = [new URL('../migrations/', import.meta.url), new URL('../../migrations/', import.meta.url)];
  const folder = folders.find((url) => existsSync(url));
  if (folder === undefined) throw new Error('the migrations folder is missing');
  const files = readdirSync(folder).filter((name) => /^\d+-.*\.(js|ts)$/.test(name));
  const classes: MigrationClass[] = [];
  for (const file of files.toSorted()) {
    const exported = (await import(new URL(file, folder).href)) as Record<string, MigrationClass>;
    classes.push(...Object.values(exported));
  }
  return classes;
}

/**
 * The options of the pool that everything shares.
 * @param max connections of one process; Postgres must allow processes × max and a few more
 */
export function dataSourceOptions(url: string, max = 10): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    applicationName: 'postern',
    migrations: MIGRATIONS,
    synchronize: false,
    // PgBouncer refuses unknown start-up parameters, so the server-side limits are set per transaction instead.
    extra: {
      Client: PooledClient,
      onConnect: (client: PooledClient) => client.learnWhoAnswers(),
      max,
      connectionTimeoutMillis: 1000,
      // As long as a statement may take, and as a lease: of a server that hangs nobody waits longer.
      query_timeout: 2000,
      idleTimeoutMillis: 60_000,
      keepAlive: true,
    },
    poolErrorHandler: () => undefined,
  };
}

/** A data source that is not yet connected, whose queries may take as long as they need. */
export function createDataSource(url: string): DataSource {
  return new DataSource(patient(dataSourceOptions(url)));
}

/** The same, for a migration: it may be long, and another process may be at it. */
export function patient(options: DataSourceOptions): DataSourceOptions {
  return { ...options, extra: { ...(options.extra as object), query_timeout: 0 } } as DataSourceOptions;
}

/**
 * Brings the schema up to date in one transaction under an advisory lock (transaction-scoped, so that it holds
 * behind PgBouncer too). Safe to run from many processes at once.
 */
export async function migrate(dataSource: DataSource): Promise<void> {
  await inMigrationTransaction(dataSource, async (executor) => {
    await executor.executePendingMigrations();
  });
}

/** Takes back the newest migration. */
export async function migrateDown(dataSource: DataSource): Promise<void> {
  await inMigrationTransaction(dataSource, (executor) => executor.undoLastMigration());
}

async function inMigrationTransaction(
  dataSource: DataSource,
  work: (executor: MigrationExecutor) => Promise<void>,
): Promise<void> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction();
    await runner.query(WAIT_FOR_OTHERS);
    await runner.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await runner.query('SET LOCAL lock_timeout TO DEFAULT');
    const executor = new MigrationExecutor(dataSource, runner);
    executor.transaction = 'none';
    await work(executor);
    await runner.commitTransaction();
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction();
    throw error;
  } finally {
    await runner.release();
  }
}

/** The name of the newest migration of this code: the schema is ours where the database has run it. */
export const NEWEST_MIGRATION = MIGRATIONS.at(-1)?.name ?? '';
