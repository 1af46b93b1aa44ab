import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Principal } from '../access/principal.js';
import { AuditService } from '../audit/audit.service.js';
import { areasOf } from '../authority/area-lists.js';
import { AuthorityService } from '../authority/authority.service.js';
import { TruthService } from '../authority/truth.service.js';
import { areaName } from '../common/fields.js';
import { toPage, type Page, type PageQuery } from '../common/paging.js';
import { Problem } from '../common/problem.js';
import { prepared } from '../database/prepared.js';
import type { ClientInfo } from '../http/client-info.js';
import type { AreaRow, CreateAreaRequest, EnterableAreaRow } from './areas.dto.js';

const AREA = `SELECT a.name, a.description,
    ARRAY(SELECT role FROM area_roles WHERE area = a.name ORDER BY role COLLATE "C") AS roles
  FROM areas a`;

/** $1 userid, $2 roles, $3 names of areas that the user may enter, in the order in which they are wanted. */
const ENTERABLE = `SELECT a.name, a.description,
    EXISTS (SELECT 1 FROM area_users WHERE area = a.name AND userid = $1) AS by_username,
    ARRAY(SELECT role FROM area_roles WHERE area = a.name AND role = ANY($2) ORDER BY role COLLATE "C") AS by_roles
  FROM areas a WHERE a.name = ANY($3) ORDER BY a.name COLLATE "C"`;

const ADMITS = prepared(`SELECT EXISTS (SELECT 1 FROM area_users WHERE area = $1 AND userid = $2)
  OR EXISTS (SELECT 1 FROM area_roles WHERE area = $1 AND role = ANY($3)) AS admitted`);

/** The private areas there are, and who may enter them; their lists are edited by `AreaListsService`. */
@Injectable()
export class AreasService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly authority: AuthorityService,
    private readonly truth: TruthService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Whether this user may enter the area, by username or by one of the roles, as Postgres has its lists now: one
   * query, by index. False for an area that there is not, whatever its name looks like, and for app accounts.
   * 503 `unavailable` without a lease.
   */
  async admits(area: string, userid: string, roles: readonly string[]): Promise<boolean> {
    if (!isAreaName(area) || roles.includes('app')) return false;
    const ticket = this.truth.begin();
    const [{ admitted }]: [{ admitted: boolean }] = await this.dataSource.query(ADMITS, [area, userid, roles]);
    this.truth.require(ticket);
    return admitted;
  }

  /** The names of the areas that an account with these roles (`user` among them) may enter, a to z. */
  async namesFor(userid: string, roles: readonly string[]): Promise<string[]> {
    return areasOf(this.dataSource, userid, roles);
  }

  /** A page of all areas, a to z. */
  async list({ limit, cursor }: PageQuery): Promise<Page<AreaRow>> {
    const rows: AreaRow[] = await this.dataSource.query(
      `${AREA} WHERE $1::text IS NULL OR a.name COLLATE "C" > $1 ORDER BY a.name COLLATE "C" LIMIT $2`,
      [cursor?.[0] ?? null, limit + 1],
    );
    return toPage(rows, limit, ({ name }) => [name]);
  }

  /** 404 where there is no such area. */
  async findOrFail(name: string): Promise<AreaRow> {
    if (!isAreaName(name)) throw new Problem('not_found');
    const [area]: AreaRow[] = await this.dataSource.query(`${AREA} WHERE a.name = $1`, [name]);
    if (area === undefined) throw new Problem('not_found');
    return area;
  }

  /** A page of the areas that the user may enter, a to z, and by what; 404 for no such user. */
  async listFor(userid: string, { limit, cursor }: PageQuery): Promise<Page<EnterableAreaRow>> {
    const asked = await this.authority.ask(userid, null);
    if (asked === null || asked.authority.status === 'deleted') throw new Problem('not_found');
    const { roles } = asked.authority;
    const names = await this.namesFor(userid, roles);
    const wanted = names.filter((name) => cursor === undefined || name > cursor[0]!).slice(0, limit + 1);
    const rows: EnterableAreaRow[] = await this.dataSource.query(ENTERABLE, [userid, roles, wanted]);
    return toPage(rows, limit, ({ name }) => [name]);
  }

  /** 409 `area_exists` where there is one of that name. Nobody may enter it yet. */
  async create({ name, description }: CreateAreaRequest, actor: Principal, client: ClientInfo): Promise<AreaRow> {
    return this.authority.adminChange(actor, ['admin'], async (tx) => {
      const made: unknown[] = await tx.query(
        'INSERT INTO areas (name, description) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING name',
        [name, description],
      );
      if (made.length === 0) throw new Problem('area_exists');
      const event = {
        action: 'area.created',
        actor: actor.userid,
        target: null,
        client,
        detail: { area: name },
      } as const;
      await this.audit.record(tx, event);
      return { name, description, roles: [] };
    });
  }

  /** Deletes the area with its lists; from now on nobody enters it. 404 where there is none. */
  async delete(name: string, actor: Principal, client: ClientInfo): Promise<void> {
    if (!isAreaName(name)) throw new Problem('not_found');
    await this.authority.adminChange(actor, ['admin'], async (tx) => {
      const detail = { area: name, ...(await lockForDeletion(tx, name)) };
      await tx.query('DELETE FROM areas WHERE name = $1', [name]);
      await this.audit.record(tx, { action: 'area.deleted', actor: actor.userid, target: null, client, detail });
    });
  }
}

/** The pattern of every area's name; nothing else is looked up. */
export function isAreaName(text: string): boolean {
  return areaName.safeParse(text).success;
}

/** Waits for the edits of its lists that are under way; gives what goes with it, for the audit. */
async function lockForDeletion(tx: EntityManager, name: string): Promise<{ usernames: number; roles: string[] }> {
  const locked: unknown[] = await tx.query('SELECT 1 FROM areas WHERE name = $1 FOR UPDATE', [name]);
  if (locked.length === 0) throw new Problem('not_found');
  const [lists]: [{ usernames: number; roles: string[] }] = await tx.query(
    `SELECT (SELECT count(*)::int FROM area_users WHERE area = $1) AS usernames,
       ARRAY(SELECT role FROM area_roles WHERE area = $1 ORDER BY role COLLATE "C") AS roles`,
    [name],
  );
  return lists;
}
