import { randomUUID } from 'node:crypto';
import { databaseUrl, execute } from './postgres-client.js';

/** Any number: Postgres copies a template for one at a time and refuses the others, so they wait for one another. */
const CLONING_LOCK = 7_305_116;

export interface TestDatabase {
  readonly url: string;
  /** Drops it, connections or not. */
  drop(): Promise<void>;
}

/** A migrated database of the caller's own, which nobody else sees. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = required('TEST_POSTGRES_SERVER');
  const name = `postern_test_${randomUUID().replaceAll('-', '')}`;
  const clone = `CREATE DATABASE ${name} TEMPLATE ${required('TEST_POSTGRES_TEMPLATE')}`;
  await execute(server, `SELECT pg_advisory_lock(${CLONING_LOCK})`, clone);
  return {
    url: databaseUrl(server, name),
    drop: () => drop(server, name),
  };
}

/** Autovacuum's own connection cannot be ended by us, and is gone a moment later: 42501 is asked again. */
async function drop(server: string, name: string): Promise<void> {
  for (let tries = 100; ; tries -= 1) {
    try {
      return await execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    } catch (error) {
      if ((error as { code?: string }).code !== '42501' || tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is set by Jest's global setup: run the tests through Jest`);
  return value;
}
