import type { Queryable } from '../database/queryable.js';

/**
 * Puts on record that a session is over, for as long as any copy of it could come back: its own absolute end and a
 * day (design rule 8).
 * @param absoluteEnd Unix ms
 * @returns false where it was on record already
 */
export async function recordEnd(
  tx: Queryable,
  session: { readonly sid: string; readonly absoluteEnd: number },
  userid: string,
): Promise<boolean> {
  const rows: unknown[] = await tx.query(
    `INSERT INTO session_ends (sid, userid, kept_until)
     VALUES ($1, $2, to_timestamp($3::float8 / 1000) + interval '24 hours') ON CONFLICT DO NOTHING RETURNING sid`,
    [session.sid, userid, session.absoluteEnd],
  );
  return rows.length === 1;
}

/** Those of the sids whose end is on record. */
export async function endedAmong(db: Queryable, sids: readonly string[]): Promise<Set<string>> {
  if (sids.length === 0) return new Set();
  const rows: { sid: string }[] = await db.query('SELECT sid FROM session_ends WHERE sid = ANY($1)', [sids]);
  return new Set(rows.map((row) => row.sid));
}
