import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDataSource, migrate } from '../../src/database/data-source.js';
import { startEmbeddedPostgres } from '../../src/database/embedded-postgres.js';
import { findBinary } from './debian-binary.js';
import { elsewhereOf, makeFolder, removeDatabaseFolder } from './folders.js';
import { killWithUs } from './guard.js';
import { databaseUrl, execute } from './postgres-client.js';

/**
 * Makes ready, once for a whole run, what the test files share: a Postgres with a migrated template database, and
 * a redis-server to start. TEST_DATABASE_URL names another Postgres, whose role may create databases.
 * Test files get at them through `test-database.ts` and `test-redis.ts`, which read the environment set here.
 * @returns what ends them again
 */
export async function startServices(): Promise<() => Promise<void>> {
  if (process.env.TEST_REDIS_URL === undefined) findBinary('redis-server');
  const given = process.env.TEST_DATABASE_URL;
  const server = given === undefined ? await startPostgres() : { url: given, stop: () => Promise.resolve() };
  const template = `postern_template_${randomUUID().slice(0, 8)}`;
  try {
    await execute(server.url, `CREATE DATABASE ${template}`);
    await migrateDatabase(databaseUrl(server.url, template));
  } catch (error) {
    await server.stop();
    throw error;
  }
  process.env.TEST_POSTGRES_SERVER = server.url;
  process.env.TEST_POSTGRES_TEMPLATE = template;
  return async () => {
    if (given !== undefined) await execute(given, `DROP DATABASE IF EXISTS ${template} WITH (FORCE)`);
    await server.stop();
  };
}

async function startPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const dir = makeFolder('postgres');
  const server = await startEmbeddedPostgres({ dir, durable: false });
  const elsewhere = elsewhereOf(dir);
  const release = killWithUs(postmasterPid(elsewhere ?? dir), dir, ...(elsewhere === undefined ? [] : [elsewhere]));
  const stop = async () => {
    await server.stop();
    removeDatabaseFolder(dir);
    release();
  };
  return { url: server.url, stop };
}

function postmasterPid(home: string): number {
  return Number(readFileSync(join(home, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
}

async function migrateDatabase(url: string): Promise<void> {
  const dataSource = await createDataSource(url).initialize();
  try {
    await migrate(dataSource);
  } finally {
    await dataSource.destroy();
  }
}
