import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Principal } from '../access/principal.js';
import { AuditService } from '../audit/audit.service.js';
import { AuthorityService } from '../authority/authority.service.js';
import { toPage, type Page, type PageQuery } from '../common/paging.js';
import { roleName } from '../common/fields.js';
import { Problem } from '../common/problem.js';
import type { ClientInfo } from '../http/client-info.js';
import type { CreateRoleRequest, RoleRow } from './roles.dto.js';

/** The roles there are; who holds them is for `RoleGrantsService`. */
@Injectable()
export class RolesService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly authority: AuthorityService,
    private readonly audit: AuditService,
  ) {}

  /** A page of all roles, a to z. */
  async list({ limit, cursor }: PageQuery): Promise<Page<RoleRow>> {
    const rows: RoleRow[] = await this.dataSource.query(
      `SELECT name, description, built_in FROM roles
       WHERE $1::text IS NULL OR name COLLATE "C" > $1 ORDER BY name COLLATE "C" LIMIT $2`,
      [cursor?.[0] ?? null, limit + 1],
    );
    return toPage(rows, limit, ({ name }) => [name]);
  }

  /** 409 `role_exists` where there is one of that name. */
  async create({ name, description }: CreateRoleRequest, actor: Principal, client: ClientInfo): Promise<RoleRow> {
    return this.authority.adminChange(actor, ['admin'], async (tx) => {
      const [made]: RoleRow[] = await tx.query(
        `INSERT INTO roles (name, description) VALUES ($1, $2) ON CONFLICT DO NOTHING
         RETURNING name, description, built_in`,
        [name, description],
      );
      if (made === undefined) throw new Problem('role_exists');
      const event = {
        action: 'role.created',
        actor: actor.userid,
        target: null,
        client,
        detail: { role: name },
      } as const;
      await this.audit.record(tx, event);
      return made;
    });
  }

  /** 404 for no role; 409 `role_builtin`; 409 `role_in_use` while somebody holds it or an area names it. */
  async delete(name: string, actor: Principal, client: ClientInfo): Promise<void> {
    if (!isRoleName(name)) throw new Problem('not_found');
    await this.authority.adminChange(actor, ['admin'], async (tx) => {
      await lockForDeletion(tx, name);
      if (await isInUse(tx, name)) throw new Problem('role_in_use');
      await tx.query('DELETE FROM roles WHERE name = $1', [name]);
      const event = {
        action: 'role.deleted',
        actor: actor.userid,
        target: null,
        client,
        detail: { role: name },
      } as const;
      await this.audit.record(tx, event);
    });
  }
}

/** The pattern of every role's name; nothing else is looked up. */
export function isRoleName(text: string): boolean {
  return roleName.safeParse(text).success;
}

/**
 * Waits for every grant of the role that is under way, so that the look at who holds it sees them, and makes later
 * ones wait. Built-in roles are not locked: changes of the last admin lock them in another order.
 */
async function lockForDeletion(tx: EntityManager, name: string): Promise<void> {
  const [role]: { built_in: boolean }[] = await tx.query('SELECT built_in FROM roles WHERE name = $1', [name]);
  if (role?.built_in) throw new Problem('role_builtin');
  const locked: unknown[] = await tx.query('SELECT 1 FROM roles WHERE name = $1 FOR UPDATE', [name]);
  if (locked.length === 0) throw new Problem('not_found');
}

async function isInUse(tx: EntityManager, name: string): Promise<boolean> {
  const [{ used }]: [{ used: boolean }] = await tx.query(
    `SELECT EXISTS (SELECT 1 FROM user_roles WHERE role = $1) OR EXISTS (SELECT 1 FROM area_roles WHERE role = $1) AS used`,
    [name],
  );
  return used;
}
