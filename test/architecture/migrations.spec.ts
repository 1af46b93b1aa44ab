import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { withDataSource } from '../../src/bootstrap/prepare-database.js';
import {
  createDataSource,
  migrate,
  migrateDown,
  MIGRATION_LOCK,
  NEWEST_MIGRATION,
} from '../../src/database/data-source.js';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';

/** Everything that a schema is made of, in words: columns, constraints, indexes, and what the migrations put in. */
const DUMPS: Readonly<Record<string, string>> = {
  columns: `SELECT format('%s.%s %s null=%s default=%s identity=%s', table_name, column_name,
      format_type(a.atttypid, a.atttypmod), is_nullable, column_default, identity_generation) AS line
    FROM information_schema.columns c
    JOIN pg_attribute a ON a.attrelid = format('%I', c.table_name)::regclass AND a.attname = c.column_name
    WHERE table_schema = 'public'`,
  constraints: `SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS line
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace`,
  indexes: `SELECT indexdef AS line FROM pg_indexes WHERE schemaname = 'public'`,
  others: `SELECT format('%s %s', relkind, relname) AS line FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('function %s', oid::regprocedure) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT format('type %s %s', typname, typtype) FROM pg_type WHERE typnamespace = 'public'::regnamespace
    UNION ALL SELECT format('trigger %s', tgname) FROM pg_trigger WHERE NOT tgisinternal`,
  roles: `SELECT format('%s %s %s', name, description, built_in) AS line FROM roles`,
};

let database: TestDatabase;
let db: DataSource;

beforeAll(async () => {
  database = await createTestDatabase();
  db = await createDataSource(database.url).initialize();
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

async function dump(): Promise<Record<string, string[]>> {
  const parts = Object.entries(DUMPS).map(async ([name, sql]) => {
    const rows: { line: string }[] = await db.query(`SELECT line FROM (${sql}) AS dump ORDER BY line COLLATE "C"`);
    return [name, rows.map(({ line }) => line)] as const;
  });
  return Object.fromEntries(await Promise.all(parts));
}

async function tables(): Promise<string[]> {
  const rows: { tablename: string }[] = await db.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`);
  return rows.map(({ tablename }) => tablename).toSorted();
}

describe('migrations', () => {
  const files = readdirSync(join(import.meta.dirname, '../../migrations')).toSorted();

  it('have names that sort by time, and the newest is what /readyz asks for', async () => {
    for (const file of files) expect(file).toMatch(/^\d{13}-[a-z0-9-]+\.ts$/);
    const rows: { name: string }[] = await db.query('SELECT name FROM migrations ORDER BY id');
    expect(rows).toHaveLength(files.length);
    expect(rows.at(-1)!.name).toBe(NEWEST_MIGRATION);
    expect(NEWEST_MIGRATION).toContain(files.at(-1)!.slice(0, 13));
  });

  it('go down one by one, leave nothing behind, and come up as they were', async () => {
    const before = await dump();
    expect(before['columns']!.length).toBeGreaterThan(60);
    for (const _ of files) await migrateDown(db);
    expect(await tables()).toEqual(['migrations']);
    await migrate(db);
    expect(await dump()).toEqual(before);
  });

  it('change nothing when they are run again, by several processes at once', async () => {
    const before = await dump();
    await Promise.all([migrate(db), migrate(db), migrate(db)]);
    expect(await dump()).toEqual(before);
  });

  it('are run once where several processes start on an empty database', async () => {
    for (const _ of files) await migrateDown(db);
    await Promise.all([1, 2, 3].map(() => withDataSource(database.url, migrate)));
    const rows: unknown[] = await db.query('SELECT 1 FROM migrations');
    expect(rows).toHaveLength(files.length);
  });

  it('wait for another process that is at it, however short the times of the role are', async () => {
    const own = await createTestDatabase();
    const first = await createDataSource(own.url).initialize();
    for (const time of ['lock_timeout', 'statement_timeout']) {
      await first.query(
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET ${time} = 500', current_database()); END $$`,
      );
    }
    const runner = first.createQueryRunner();
    try {
      await runner.startTransaction();
      await runner.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
      const migrated = withDataSource(own.url, migrate);
      expect(await Promise.race([migrated.then(() => 'done'), sleep(2000, 'waits')])).toBe('waits');
      await runner.commitTransaction();
      await expect(migrated).resolves.toBeUndefined();
    } finally {
      await runner.release();
      await first.destroy();
      await own.drop();
    }
  });
});
