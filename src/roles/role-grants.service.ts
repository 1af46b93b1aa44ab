import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Principal } from '../access/principal.js';
import { AuditService } from '../audit/audit.service.js';
import { isListedByUsername } from '../authority/area-lists.js';
import { AuthorityService, raiseEpoch } from '../authority/authority.service.js';
import { refuseLastAdmin } from '../authority/last-admin.js';
import { keepRole, type LockedUser } from '../authority/locked-rows.js';
import { Problem } from '../common/problem.js';
import type { ClientInfo } from '../http/client-info.js';
import { isRoleName } from './roles.service.js';

/** Who holds which role. Both changes are in force for the very next request on any machine. */
@Injectable()
export class RoleGrantsService {
  constructor(
    private readonly authority: AuthorityService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Nothing changes where the user holds the role already; role `user` is everybody's. 404 for no such user or role;
   * 409 `role_conflict` where `app` would not stand beside `user` alone. Granting `app` ends the user's sessions.
   */
  async grant(userid: string, role: string, actor: Principal, client: ClientInfo): Promise<void> {
    await this.change(userid, role, actor, async (tx, user) => {
      if (role === 'user') return;
      const held = await rolesOf(tx, user.userid);
      if (held.includes(role)) return;
      if (await wouldConflict(tx, user.userid, role, held)) throw new Problem('role_conflict');
      await tx.query('INSERT INTO user_roles (userid, role) VALUES ($1, $2)', [user.userid, role]);
      if (role === 'app') await raiseEpoch(tx, user.userid);
      const event = {
        action: 'role.granted',
        actor: actor.userid,
        target: user.userid,
        client,
        detail: { role },
      } as const;
      await this.audit.record(tx, event);
    });
  }

  /**
   * Nothing changes where the user does not hold the role. 404 for no such user or role; 409 `role_builtin` for
   * `user`, `role_conflict` for `app`, whose secrets are public, `last_admin` where no active admin would be left.
   */
  async revoke(userid: string, role: string, actor: Principal, client: ClientInfo): Promise<void> {
    await this.change(userid, role, actor, async (tx, user) => {
      if (role === 'user') throw new Problem('role_builtin');
      const held = await rolesOf(tx, user.userid);
      if (!held.includes(role)) return;
      if (role === 'app') throw new Problem('role_conflict');
      if (role === 'admin') await refuseLastAdmin(tx, user.userid);
      await tx.query('DELETE FROM user_roles WHERE userid = $1 AND role = $2', [user.userid, role]);
      const event = {
        action: 'role.revoked',
        actor: actor.userid,
        target: user.userid,
        client,
        detail: { role },
      } as const;
      await this.audit.record(tx, event);
    });
  }

  /** Runs `work` with the user and the role locked. The order is that of every change: admin role, users, role. */
  private async change(
    userid: string,
    role: string,
    actor: Principal,
    work: (tx: EntityManager, user: LockedUser) => Promise<void>,
  ): Promise<void> {
    if (!isRoleName(role)) throw new Problem('not_found');
    const change = { target: userid, actor, actorRoles: ['admin'], lockAdmins: role === 'admin' };
    await this.authority.change(change, async (tx, { target }) => {
      if (target === null || target.status === 'deleted') throw new Problem('not_found');
      await keepRole(tx, role);
      await work(tx, target);
    });
  }
}

/** The roles that the user was granted: without `user`, which nobody is granted. */
async function rolesOf(tx: EntityManager, userid: string): Promise<string[]> {
  const rows: { role: string }[] = await tx.query('SELECT role FROM user_roles WHERE userid = $1', [userid]);
  return rows.map(({ role }) => role);
}

/** `app` stands beside `user` alone, and on no area's list: whoever takes the app apart has its secrets. */
async function wouldConflict(
  tx: EntityManager,
  userid: string,
  role: string,
  held: readonly string[],
): Promise<boolean> {
  if (role !== 'app') return held.includes('app');
  return held.length > 0 || (await isListedByUsername(tx, userid));
}
