import type { EntityManager } from 'typeorm';
import { microsOf } from '../common/paging.js';

/**
 * Wrong passwords in a row after which the password is off on the web: NIST SP 800-63B-4 wants an authenticator
 * disabled at 100 at the latest. Counted where passwords are proved.
 */
export const PASSWORD_OFF_AT = 100;

/** An account as admins see it. */
export interface User {
  readonly userid: string;
  readonly username: string;
  readonly status: 'active' | 'disabled';
  /** Sorted, `user` always among them. */
  readonly roles: readonly string[];
  readonly createdAt: Date;
  /** Null: never. */
  readonly lastLoginAt: Date | null;
  /** Too many wrong passwords in a row: off for web login, Basic and `POST /v1/apitokens`. */
  readonly passwordLocked: boolean;
}

/** `micros`: of the time of creation, for the cursor. */
export type UserRow = Omit<User, 'roles'> & { readonly roles: string[]; readonly micros: string };

/** The columns of a `UserRow`, for a query over `users u`. */
export const USER_COLUMNS = `u.userid, u.username, u.status, u.created_at AS "createdAt",
  ${microsOf('u.created_at')} AS micros, u.last_login_at AS "lastLoginAt",
  u.web_failures >= ${PASSWORD_OFF_AT} AS "passwordLocked",
  ARRAY(SELECT role FROM user_roles WHERE userid = u.userid) AS roles`;

export function userFromRow({ micros: _, roles, ...row }: UserRow): User {
  return { ...row, roles: [...roles, 'user'].sort() };
}

/** The user; null where there never was one, or no longer is. */
export async function findUser(manager: EntityManager, userid: string): Promise<User | null> {
  const sql = `SELECT ${USER_COLUMNS} FROM users u WHERE u.userid = $1 AND u.status <> 'deleted'`;
  const rows: UserRow[] = await manager.query(sql, [userid]);
  return rows[0] === undefined ? null : userFromRow(rows[0]);
}
