import { prepared } from '../database/prepared.js';
import type { Queryable } from '../database/queryable.js';

/** Who may enter what: an account, with all its roles, `user` among them. */
interface Account {
  readonly userid: string;
  readonly roles: readonly string[];
}

const ENTERED = prepared(`SELECT ARRAY(
    SELECT area FROM (
      SELECT area FROM area_users WHERE userid = who.userid
      UNION SELECT area FROM area_roles WHERE role = ANY(who.roles)
    ) AS entered ORDER BY area COLLATE "C") AS areas
  FROM ROWS FROM (jsonb_to_recordset($1) AS (userid uuid, roles text[])) WITH ORDINALITY AS who (userid, roles, at)
  ORDER BY at`);

/**
 * The private areas that each of the accounts may enter, a to z, in one query. One with role `app` enters none, not
 * even an area that lists role `user`: its secrets are public, so such an area would be open to the world.
 */
export async function areasOfEach(db: Queryable, accounts: readonly Account[]): Promise<string[][]> {
  const asked = accounts.map(({ userid, roles }) => ({ userid, roles }));
  const rows: { areas: string[] }[] = await db.query(ENTERED, [JSON.stringify(asked)]);
  return rows.map(({ areas }, at) => (accounts[at]!.roles.includes('app') ? [] : areas));
}

/** The same of one account. */
export async function areasOf(db: Queryable, userid: string, roles: readonly string[]): Promise<string[]> {
  const [areas] = await areasOfEach(db, [{ userid, roles }]);
  return areas!;
}

/** True where the user stands on an area's list by username. */
export async function isListedByUsername(db: Queryable, userid: string): Promise<boolean> {
  const rows: unknown[] = await db.query('SELECT 1 FROM area_users WHERE userid = $1 LIMIT 1', [userid]);
  return rows.length > 0;
}
