import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Principal } from '../access/principal.js';
import type { AuditAction } from '../audit/audit-action.js';
import { AuditService } from '../audit/audit.service.js';
import { AuthorityService } from '../authority/authority.service.js';
import { keepRole } from '../authority/locked-rows.js';
import { roleName } from '../common/fields.js';
import { toPage, type Page, type PageQuery } from '../common/paging.js';
import { Problem } from '../common/problem.js';
import type { ClientInfo } from '../http/client-info.js';
import { foldUsername } from '../common/username.js';
import type { AreaUsernameRow } from './areas.dto.js';
import { isAreaName } from './areas.service.js';

/** One line of an area's lists that an admin wants there or gone. */
interface Edit {
  readonly area: string;
  readonly actor: Principal;
  readonly client: ClientInfo;
}

const ADD_USER = 'INSERT INTO area_users (area, userid) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1';
const REMOVE_USER = 'DELETE FROM area_users WHERE area = $1 AND userid = $2';
const ADD_ROLE = 'INSERT INTO area_roles (area, role) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1';
const REMOVE_ROLE = 'DELETE FROM area_roles WHERE area = $1 AND role = $2';

/**
 * The lists of usernames and roles that may enter an area. Whoever asks whether somebody may enter reads them from
 * Postgres, so an edit is in force with its commit. Each edit answers 404 where the area, username or role is not
 * there, 409 `role_conflict` for app accounts and role `app`, and changes nothing where nothing is to be changed.
 */
@Injectable()
export class AreaListsService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly authority: AuthorityService,
    private readonly audit: AuditService,
  ) {}

  /** A page of the usernames on the list, a to z; 404 where there is no such area. */
  async usernames(area: string, { limit, cursor }: PageQuery): Promise<Page<AreaUsernameRow>> {
    if (!isAreaName(area)) throw new Problem('not_found');
    const areas: unknown[] = await this.dataSource.query('SELECT 1 FROM areas WHERE name = $1', [area]);
    if (areas.length === 0) throw new Problem('not_found');
    const rows: AreaUsernameRow[] = await this.dataSource.query(
      `SELECT u.userid, u.username, l.created_at FROM area_users l JOIN users u USING (userid)
       WHERE l.area = $1 AND u.status <> 'deleted' AND ($2::text IS NULL OR u.username COLLATE "C" > $2)
       ORDER BY u.username COLLATE "C" LIMIT $3`,
      [area, cursor?.[0] ?? null, limit + 1],
    );
    return toPage(rows, limit, ({ username }) => [username]);
  }

  /** From now on the user may enter; `username` in any spelling that folds into it. */
  async addUsername(area: string, username: string, actor: Principal, client: ClientInfo): Promise<void> {
    await this.editUsername({ area, actor, client }, username, 'area.user_added', ADD_USER);
  }

  /** From now on the user enters by a role or not at all. */
  async removeUsername(area: string, username: string, actor: Principal, client: ClientInfo): Promise<void> {
    await this.editUsername({ area, actor, client }, username, 'area.user_removed', REMOVE_USER);
  }

  /** From now on everybody may enter who holds the role; `user` is everybody but app accounts. */
  async addRole(area: string, role: string, actor: Principal, client: ClientInfo): Promise<void> {
    await this.editRole({ area, actor, client }, role, 'area.role_added', ADD_ROLE);
  }

  /** From now on nobody enters by the role. */
  async removeRole(area: string, role: string, actor: Principal, client: ClientInfo): Promise<void> {
    await this.editRole({ area, actor, client }, role, 'area.role_removed', REMOVE_ROLE);
  }

  /** A change of that user's authority, so that it cannot meet a deletion, or a grant of `app`, half-way. */
  private async editUsername(
    { area, actor, client }: Edit,
    username: string,
    action: AuditAction,
    sql: string,
  ): Promise<void> {
    if (!isAreaName(area)) throw new Problem('not_found');
    const userid = await this.useridOf(username);
    await this.authority.change({ target: userid, actor, actorRoles: ['admin'] }, async (tx, { target }) => {
      if (target === null || target.status === 'deleted') throw new Problem('not_found');
      await keepArea(tx, area);
      if (await isApp(tx, userid)) throw new Problem('role_conflict');
      if (!(await changes(tx, sql, [area, userid]))) return;
      await this.audit.record(tx, { action, actor: actor.userid, target: userid, client, detail: { area } });
    });
  }

  private async editRole({ area, actor, client }: Edit, role: string, action: AuditAction, sql: string): Promise<void> {
    if (!isAreaName(area) || !roleName.safeParse(role).success) throw new Problem('not_found');
    await this.authority.adminChange(actor, ['admin'], async (tx) => {
      await keepArea(tx, area);
      await keepRole(tx, role);
      if (role === 'app') throw new Problem('role_conflict');
      if (!(await changes(tx, sql, [area, role]))) return;
      await this.audit.record(tx, { action, actor: actor.userid, target: null, client, detail: { area, role } });
    });
  }

  /** A username is never given to somebody else, so what it stands for may be looked up before anything is locked. */
  private async useridOf(username: string): Promise<string> {
    const folded = foldUsername(username);
    if (folded === null) throw new Problem('not_found');
    const [user]: { userid: string }[] = await this.dataSource.query('SELECT userid FROM users WHERE username = $1', [
      folded,
    ]);
    if (user === undefined) throw new Problem('not_found');
    return user.userid;
  }
}

/** Nobody deletes the area before this transaction has ended; 404 where somebody has. */
async function keepArea(tx: EntityManager, area: string): Promise<void> {
  const locked: unknown[] = await tx.query('SELECT 1 FROM areas WHERE name = $1 FOR KEY SHARE', [area]);
  if (locked.length === 0) throw new Problem('not_found');
}

async function isApp(tx: EntityManager, userid: string): Promise<boolean> {
  const rows: unknown[] = await tx.query(`SELECT 1 FROM user_roles WHERE userid = $1 AND role = 'app'`, [userid]);
  return rows.length > 0;
}

/** Runs the INSERT … RETURNING or DELETE and says whether it changed a row; TypeORM gives `[rows, count]` of a DELETE. */
async function changes(tx: EntityManager, sql: string, values: readonly string[]): Promise<boolean> {
  const answer: unknown[] = await tx.query(sql, [...values]);
  return sql.startsWith('DELETE') ? answer[1] === 1 : answer.length === 1;
}
