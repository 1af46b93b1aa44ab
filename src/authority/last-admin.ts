import type { EntityManager } from 'typeorm';
import { Problem } from '../common/problem.js';

/**
 * 409 `last_admin` where `userid` is the only active admin. The transaction holds the lock of the admin role
 * (`lockAdmins`), so that two admins cannot remove each other at once.
 */
export async function refuseLastAdmin(tx: EntityManager, userid: string): Promise<void> {
  const admins: { userid: string }[] = await tx.query(
    `SELECT u.userid FROM user_roles r JOIN users u ON u.userid = r.userid
     WHERE r.role = 'admin' AND u.status = 'active' LIMIT 2`,
  );
  if (admins.length === 1 && admins[0]!.userid === userid) throw new Problem('last_admin');
}
