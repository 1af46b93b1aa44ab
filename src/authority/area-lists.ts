import type { EntityManager } from 'typeorm';

interface Queryable {
  query: EntityManager['query'];
}

/**
 * The private areas that an account may enter, a to z.
 * @param roles all the account's roles, `user` among them. One with role `app` enters none, not even an area that
 *   lists role `user`: its secrets are public, so such an area would be open to the world.
 */
export async function areasOf(db: Queryable, userid: string, roles: readonly string[]): Promise<string[]> {
  if (roles.includes('app')) return [];
  const rows: { area: string }[] = await db.query(
    `SELECT area FROM (
       SELECT area FROM area_users WHERE userid = $1
       UNION SELECT area FROM area_roles WHERE role = ANY($2)
     ) AS entered ORDER BY area COLLATE "C"`,
    [userid, roles],
  );
  return rows.map((row) => row.area);
}

/** True where the user stands on an area's list by username. */
export async function isListedByUsername(db: Queryable, userid: string): Promise<boolean> {
  const rows: unknown[] = await db.query('SELECT 1 FROM area_users WHERE userid = $1 LIMIT 1', [userid]);
  return rows.length > 0;
}
