import { randomUUID } from 'node:crypto';

/**
 * The one row that says which Redis and which Postgres belong together, and how long a process may trust what it
 * last confirmed with them (design rule 1).
 */
export interface GenerationRow {
  readonly generation: string;
  readonly lineage: string;
  readonly lease_ms: number;
  readonly store: 'redis' | 'postgres';
}

interface Queryable {
  query(sql: string, parameters?: unknown[]): Promise<unknown>;
}

/** Makes the row where there is none yet. */
export async function ensureGeneration(db: Queryable, leaseMs: number, store: GenerationRow['store']): Promise<void> {
  await db.query(
    `INSERT INTO generation (generation, lineage, lease_ms, store) VALUES ($1, '', $2, $3) ON CONFLICT DO NOTHING`,
    [randomUUID(), leaseMs, store],
  );
}

/** A new generation for a new lineage, unless another process was first; everybody's epoch is left alone. */
export async function replaceLineage(db: Queryable, seen: string, lineage: string): Promise<void> {
  await db.query('UPDATE generation SET generation = $1, lineage = $2 WHERE generation = $3', [
    randomUUID(),
    lineage,
    seen,
  ]);
}

/** A new generation with the configured lease and store; the caller waits the longer of the two leases. */
export async function replaceTerms(db: Queryable, leaseMs: number, store: GenerationRow['store']): Promise<void> {
  await db.query('UPDATE generation SET generation = $1, lease_ms = $2, store = $3', [randomUUID(), leaseMs, store]);
}
