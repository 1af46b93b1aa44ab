import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { prepared } from '../database/prepared.js';
import { LimitStore, RUN, type Outcome, type WindowRule } from './limit-store.js';

/**
 * $1 key, $2 limit, $3 window in ms. No row comes back where the window is full. A window that was given back
 * whole, or is past its end, starts anew. The receipt is the window's end in Unix µs.
 */
const TAKE = prepared(`
INSERT INTO limits AS bucket (key, count, expires_at)
VALUES ($1, 1, now() + $3::float8 * interval '1 millisecond')
ON CONFLICT (key) DO UPDATE SET (count, wait_until, expires_at) = (
  SELECT CASE WHEN over THEN 1 ELSE bucket.count + 1 END, NULL::timestamptz,
         CASE WHEN over THEN excluded.expires_at ELSE bucket.expires_at END
  FROM (SELECT bucket.expires_at <= now() OR bucket.count < 1 AS over) AS state
)
WHERE bucket.expires_at <= now() OR bucket.count < $2::integer
RETURNING count, (extract(epoch FROM expires_at) * 1000000)::bigint::text AS receipt`);

const GIVE_BACK = prepared(`
UPDATE limits SET count = count - 1
WHERE key = $1 AND count > 0 AND (extract(epoch FROM expires_at) * 1000000)::bigint = $2::bigint`);

/**
 * $1 key, $2 free tries, $3 first wait, $4 longest wait, $5 quiet, $6 how long ago the try came; all times in ms. No
 * row comes back where there was a wait then. The exponent is below 0, and the wait therefore 0, for the free tries; they leave `wait_until` empty, as
 * statements that queue on the row carry the time at which they began, and would wait for one another's.
 */
const RESERVE_TRY = prepared(`
INSERT INTO limits AS run (key, count, expires_at)
VALUES ($1, 1, now() + $5::float8 * interval '1 millisecond')
ON CONFLICT (key) DO UPDATE SET (count, wait_until, expires_at) = (
  SELECT before + 1, nullif(now() + wait, now()), now() + wait + $5::float8 * interval '1 millisecond'
  FROM (SELECT CASE WHEN run.expires_at <= now() THEN 0 ELSE run.count END AS before) AS state
  CROSS JOIN LATERAL (
    SELECT least($3::float8 * floor(2.0::float8 ^ least(before - $2::integer, 30)), $4::float8)
           * interval '1 millisecond' AS wait
  ) AS next
)
WHERE run.wait_until IS NULL OR run.wait_until <= now() - $6::float8 * interval '1 millisecond'
RETURNING count, coalesce((extract(epoch FROM wait_until) * 1000000)::bigint::text, '') AS receipt`);

const GIVE_BACK_TRY = prepared(`
UPDATE limits SET
  count = greatest(count - 1, 0),
  wait_until = CASE WHEN (extract(epoch FROM wait_until) * 1000000)::bigint::text = $2 THEN NULL ELSE wait_until END
WHERE key = $1`);

const CLEAR = prepared('DELETE FROM limits WHERE key = $1');

/** Ms until a full window, or a wait, is over: rounded up, 1 where it is already. */
const WINDOW_LEFT = `
SELECT greatest(ceil(extract(epoch FROM expires_at - now()) * 1000), 1)::integer AS left
FROM limits WHERE key = $1`;
const WAIT_LEFT = `
SELECT greatest(ceil(extract(epoch FROM wait_until - now()) * 1000), 1)::integer AS left
FROM limits WHERE key = $1`;

/**
 * The counters in the table `limits`, for a service without Redis. Each take is one upsert, whose row lock makes it
 * atomic, timed by the database's clock; a refused take writes nothing and asks for the wait in a second
 * statement. What is past its end is swept.
 */
export class PostgresLimitStore extends LimitStore {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  override take(key: string, { limit, windowMs }: WindowRule): Promise<Outcome> {
    return this.upsert(TAKE, WINDOW_LEFT, () => [key, limit, windowMs]);
  }

  override async giveBack(key: string, receipt: string): Promise<void> {
    await this.dataSource.query(GIVE_BACK, [key, receipt]);
  }

  override reserveTry(key: string, since: number): Promise<Outcome> {
    const { freeTries, firstWaitMs, longestWaitMs, quietMs } = RUN;
    // Asked for when there is a connection: the wait for one is part of what has passed.
    return this.upsert(RESERVE_TRY, WAIT_LEFT, () => {
      return [key, freeTries, firstWaitMs, longestWaitMs, quietMs, performance.now() - since];
    });
  }

  override async giveBackTry(key: string, receipt: string): Promise<void> {
    await this.dataSource.query(GIVE_BACK_TRY, [key, receipt]);
  }

  override async clear(key: string, manager?: EntityManager): Promise<void> {
    await (manager ?? this.dataSource).query(CLEAR, [key]);
  }

  private async upsert(sql: string, leftSql: string, parameters: () => [string, ...number[]]): Promise<Outcome> {
    const runner = this.dataSource.createQueryRunner();
    try {
      await runner.connect();
      return await upsertOn(runner, sql, leftSql, parameters());
    } finally {
      await runner.release();
    }
  }
}

async function upsertOn(
  runner: QueryRunner,
  sql: string,
  leftSql: string,
  parameters: [string, ...number[]],
): Promise<Outcome> {
  const [row] = (await runner.query(sql, parameters)) as { count: number; receipt: string }[];
  if (row) return { taken: true, count: row.count, receipt: row.receipt };
  const [refusal] = (await runner.query(leftSql, [parameters[0]])) as { left: number | null }[];
  // Nothing is left where it was cleared or given back this moment: refused all the same, but for no time.
  return { taken: false, waitMs: refusal?.left ?? 1 };
}
