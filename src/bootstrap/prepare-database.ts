import type { Logger } from 'pino';
import type { DataSource, EntityManager } from 'typeorm';
import { ensureGeneration, replaceTerms, type GenerationRow } from '../authority/generation.js';
import { shutOutChanges } from '../authority/locked-rows.js';
import { isDependencyAway } from '../common/to-problem.js';
import type { Config } from '../config/config.js';
import { dataSourceOptions, migrate, NEWEST_MIGRATION, patient } from '../database/data-source.js';
import { connect } from '../database/database.module.js';
import { StartupError } from './startup-error.js';

/** How long to wait before the next try while Postgres is away, and how often that is said again, in ms. */
const RETRY_MS = 250;
const SAY_AGAIN_MS = 10_000;

/** `server_version_num` of Postgres 15, the oldest one the contract names. */
const OLDEST_POSTGRES = 150_000;

/**
 * SQLSTATEs that waiting does not mend: the password or the database's name is wrong (28, 3D000), the user may not do
 * what is needed (42501).
 */
const OURS_TO_MEND = /^(?:28[0-9A-Z]{3}|3D000|42501)$/;

/**
 * Waits for Postgres, however long it is away, and makes it ready for this process: version, schema, the generation's
 * row with the configured terms, then `work`. Everything in it may be repeated and run by several processes at once.
 * @throws StartupError for what waiting cannot mend.
 */
export async function prepareDatabase<T>(
  config: Config & { readonly databaseUrl: string },
  logger: Logger,
  work: (dataSource: DataSource) => Promise<T>,
): Promise<T> {
  const log = logger.child({ context: 'Start' });
  for (let saidAt = -Infinity; ; await sleep(RETRY_MS)) {
    try {
      return await withDataSource(config.databaseUrl, async (dataSource) => {
        await prepare(dataSource, config, log);
        return work(dataSource);
      });
    } catch (error) {
      const reason = whyNotYet(error);
      if (performance.now() - saidAt < SAY_AGAIN_MS) continue;
      saidAt = performance.now();
      log.warn(`waiting for the database: ${reason}`);
    }
  }
}

/** Runs `work` on a small pool of its own, closed afterwards, whose queries may take as long as they need. */
export async function withDataSource<T>(url: string, work: (dataSource: DataSource) => Promise<T>): Promise<T> {
  const dataSource = await connect(patient(dataSourceOptions(url, 2)));
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy().catch(() => undefined);
  }
}

/** @throws StartupError where the server is older than the contract allows. */
export async function requirePostgresVersion(dataSource: DataSource): Promise<void> {
  const [row]: { version: string; text: string }[] = await dataSource.query(
    `SELECT current_setting('server_version_num') AS version, current_setting('server_version') AS text`,
  );
  if (Number(row?.version) < OLDEST_POSTGRES) {
    throw new StartupError(`DATABASE_URL: Postgres is version ${row?.text}, needed is 15 or later`);
  }
}

/**
 * Takes the lease and the store of this configuration over where other ones are in force, with a new generation.
 * Gives how many ms must pass before anything is served: the longer of the two leases, 0 where nothing differs.
 */
export async function takeOverTerms(dataSource: DataSource, config: Config, always = false): Promise<number> {
  return dataSource.transaction(async (tx) => {
    const inForce = await lockedTerms(tx);
    if (!always && sameTerms(inForce, config)) return 0;
    await replaceTerms(tx, config.truthLeaseMs, config.sessionStore);
    return Math.max(inForce.lease_ms, config.truthLeaseMs);
  });
}

async function prepare(dataSource: DataSource, config: Config, log: Logger): Promise<void> {
  await requirePostgresVersion(dataSource);
  if (config.runMigrations) await migrate(dataSource);
  else await requireSchema(dataSource);
  await ensureGeneration(dataSource, config.truthLeaseMs, config.sessionStore);
  const [inForce]: Terms[] = await dataSource.query('SELECT lease_ms, store FROM generation');
  if (inForce === undefined || sameTerms(inForce, config)) return;
  if (config.environment === 'production') throw new StartupError(differingTerms(inForce));
  const waitMs = await takeOverTerms(dataSource, config);
  log.warn(`TRUTH_LEASE_MS or SESSION_STORE has changed: a new generation begins, in ${waitMs} ms`);
  await sleep(waitMs);
}

type Terms = Pick<GenerationRow, 'lease_ms' | 'store'>;

async function lockedTerms(tx: EntityManager): Promise<Terms> {
  await shutOutChanges(tx);
  const [row]: Terms[] = await tx.query('SELECT lease_ms, store FROM generation');
  if (row === undefined) throw new Error('the generation row is missing');
  return row;
}

function sameTerms(inForce: Terms, { truthLeaseMs, sessionStore }: Config): boolean {
  return inForce.lease_ms === truthLeaseMs && inForce.store === sessionStore;
}

function differingTerms({ lease_ms, store }: Terms): string {
  return (
    `TRUTH_LEASE_MS, SESSION_STORE: in force are ${lease_ms} and ${store}; ` +
    'to take over the configured ones run npm run admin -- new-generation'
  );
}

/** Thrown until somebody has migrated. */
class SchemaBehind extends StartupError {
  constructor() {
    super('the schema is not up to date: run npm run migrate');
  }
}

/** @throws StartupError where the newest migration of this code has not been run. */
export async function requireSchema(dataSource: DataSource): Promise<void> {
  const [table]: { there: boolean }[] = await dataSource.query(`SELECT to_regclass('migrations') IS NOT NULL AS there`);
  if (!table?.there) throw new SchemaBehind();
  const rows: unknown[] = await dataSource.query('SELECT 1 FROM migrations WHERE name = $1', [NEWEST_MIGRATION]);
  if (rows.length === 0) throw new SchemaBehind();
}

/** In words why the next try may succeed; whatever no try can mend is thrown on. */
function whyNotYet(error: unknown): string {
  // With RUN_MIGRATIONS=false another process does it, perhaps in a moment.
  if (error instanceof SchemaBehind) return error.message;
  if (error instanceof StartupError) throw error;
  const { message, code } = driverErrorOf(error);
  if (typeof code === 'string' && OURS_TO_MEND.test(code)) throw new StartupError(`DATABASE_URL: ${message}`);
  if (!isDependencyAway(error)) throw error;
  return message || String(code);
}

/** TypeORM wraps what the driver says. */
function driverErrorOf(error: unknown): { readonly message: string; readonly code?: unknown } {
  const { driverError } = error as { driverError?: unknown };
  const inner = driverError ?? error;
  return inner instanceof Error ? inner : { message: String(inner) };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
