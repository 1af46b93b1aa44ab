import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Principal } from '../access/principal.js';
import { AuditService } from '../audit/audit.service.js';
import { areasOf, areasOfEach } from '../authority/area-lists.js';
import { AuthorityService, raiseEpoch, type Change } from '../authority/authority.service.js';
import { refuseLastAdmin } from '../authority/last-admin.js';
import type { LockedUser } from '../authority/locked-rows.js';
import { timeOfMicros, toPage, type Page } from '../common/paging.js';
import { Problem } from '../common/problem.js';
import { formatToken, hashSecret, makeToken } from '../common/secret-token.js';
import { prepared } from '../database/prepared.js';
import type { ClientInfo } from '../http/client-info.js';
import { USER_COLUMNS, findUser, userFromRow, type User, type UserRow } from './user.js';
import type { ListUsersQuery } from './users.dto.js';

/**
 * What hangs on a user and goes with it; the row itself stays, so that the name stays taken. Sessions in Redis are over
 * by the epoch and run out there.
 */
const GOES_WITH_A_USER = ['apitokens', 'user_roles', 'area_users', 'known_sources', 'reset_codes', 'sessions'];

/** $1 username, folded. */
const CREDENTIALS = prepared(`SELECT u.userid, u.username, u.status, u.password_hash AS "passwordHash",
    g.world || '.' || u.epoch AS epoch, ARRAY(SELECT role FROM user_roles WHERE userid = u.userid) AS roles
  FROM users u CROSS JOIN generation g WHERE u.username = $1`);

export interface UserWithAreas extends User {
  /** The private areas that the user may enter, sorted. */
  readonly areas: readonly string[];
}

/** An account as it sees itself. */
export type Me = Pick<UserWithAreas, 'userid' | 'username' | 'roles' | 'areas' | 'createdAt'>;

/** Whose password somebody may be about to prove, as read in one go: the epoch stands beside the hash. */
export interface UserCredentials {
  readonly userid: string;
  readonly username: string;
  readonly status: 'active' | 'disabled' | 'deleted';
  readonly passwordHash: string | null;
  /** `<world>.<own>` */
  readonly epoch: string;
  /** Sorted, `user` always among them. */
  readonly roles: readonly string[];
}

/** The accounts: looked up, listed, disabled, deleted. */
@Injectable()
export class UsersService {
  constructor(
    private readonly authority: AuthorityService,
    private readonly audit: AuditService,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /** The account of the call. */
  async me({ userid, username, roles }: Principal): Promise<Me> {
    const sql = 'SELECT created_at AS "createdAt" FROM users WHERE userid = $1';
    const [row]: { createdAt: Date }[] = await this.dataSource.query(sql, [userid]);
    if (row === undefined) throw new Problem('unauthenticated');
    return { userid, username, roles, areas: await areasOf(this.dataSource.manager, userid, roles), ...row };
  }

  /** The user; 404 where there is none, or no longer. */
  async findOrFail(userid: string): Promise<UserWithAreas> {
    const user = await findUser(this.dataSource.manager, userid);
    if (user === null) throw new Problem('not_found');
    return this.withAreas(this.dataSource.manager, user);
  }

  /** What a login by name alone needs; null where there never was such a user. Disabled and deleted ones are found. */
  async findByUsername(folded: string): Promise<UserCredentials | null> {
    const rows: (UserCredentials & { roles: string[] })[] = await this.dataSource.query(CREDENTIALS, [folded]);
    return rows[0] === undefined ? null : { ...rows[0], roles: [...rows[0].roles, 'user'].sort() };
  }

  /** A page of users, newest first. A role that nobody holds or that does not exist gives an empty one. */
  async list({ limit, cursor, search, role, status }: ListUsersQuery): Promise<Page<UserWithAreas>> {
    const parameters: unknown[] = [];
    const conditions = [`u.status <> 'deleted'`];
    const where = (sql: (parameter: string) => string, value: unknown) => {
      conditions.push(sql(`$${parameters.push(value)}`));
    };
    if (search !== undefined) where((prefix) => `u.username LIKE ${prefix}`, prefixPattern(search));
    if (status !== undefined) where((wanted) => `u.status = ${wanted}`, status);
    // Everybody holds role user, so it is stored nowhere.
    if (role !== undefined && role !== 'user') {
      where((name) => `EXISTS (SELECT 1 FROM user_roles WHERE userid = u.userid AND role = ${name})`, role);
    }
    if (cursor !== undefined) {
      parameters.push(...cursor);
      const [time, id] = [`$${parameters.length - 1}`, `$${parameters.length}::uuid`];
      conditions.push(`(u.created_at, u.userid) < (${timeOfMicros(time)}, ${id})`);
    }
    const rows: UserRow[] = await this.dataSource.query(
      `SELECT ${USER_COLUMNS} FROM users u WHERE ${conditions.join(' AND ')}
       ORDER BY u.created_at DESC, u.userid DESC LIMIT $${parameters.push(limit + 1)}`,
      parameters,
    );
    const page = toPage(rows, limit, (row) => [row.micros, row.userid]);
    const users = page.items.map(userFromRow);
    const areas = await areasOfEach(this.dataSource.manager, users);
    return { ...page, items: users.map((user, at) => ({ ...user, areas: areas[at]! })) };
  }

  /**
   * Disables or enables the user; every session of a disabled one is over, and stays so when it is enabled again. 404
   * for nobody, 409 `last_admin`.
   */
  async setStatus(
    userid: string,
    status: 'active' | 'disabled',
    actor: Principal,
    client: ClientInfo,
  ): Promise<UserWithAreas> {
    return this.authority.change(byAdmin(actor, userid), async (tx, { target }) => {
      const user = existing(target);
      if (user.status !== status) {
        if (status === 'disabled') {
          await refuseLastAdmin(tx, userid);
          await raiseEpoch(tx, userid);
        }
        await tx.query('UPDATE users SET status = $2 WHERE userid = $1', [userid, status]);
        const action = status === 'disabled' ? 'user.disabled' : 'user.enabled';
        await this.audit.record(tx, { action, actor: actor.userid, target: userid, client });
      }
      return this.withAreas(tx, (await findUser(tx, userid))!);
    });
  }

  /**
   * Deletes the user, who is the actor or whom the actor manages as an admin: password, apitokens, roles, area entries
   * and sessions are gone; userid, username and dates stay. 404 for nobody, 409 `last_admin`.
   */
  async delete(userid: string, actor: Principal, client: ClientInfo): Promise<void> {
    const change: Change =
      actor.userid === userid ? { target: userid, actor, lockAdmins: true } : byAdmin(actor, userid);
    await this.authority.change(change, async (tx, { target }) => {
      const { username } = existing(target);
      await refuseLastAdmin(tx, userid);
      await raiseEpoch(tx, userid);
      await tx.query(
        `UPDATE users SET status = 'deleted', password_hash = NULL, web_failures = 0, deleted_at = now()
         WHERE userid = $1`,
        [userid],
      );
      for (const table of GOES_WITH_A_USER) await tx.query(`DELETE FROM ${table} WHERE userid = $1`, [userid]);
      const detail = { username };
      await this.audit.record(tx, { action: 'user.deleted', actor: actor.userid, target: userid, client, detail });
    });
  }

  /**
   * Issues a one-time code for a new password, good for 24 h; the one before is void. 404 for nobody.
   * @param actor null for the host's command
   */
  async issueResetCode(
    userid: string,
    actor: Principal | null,
    client: ClientInfo | null,
  ): Promise<{ code: string; expiresAt: Date }> {
    const token = makeToken();
    const by = actor === null ? {} : { actor, actorRoles: ['admin'] };
    const expiresAt = await this.authority.change({ target: userid, ...by }, async (tx, { target }) => {
      existing(target);
      const [row]: { expires_at: Date }[] = await tx.query(
        `INSERT INTO reset_codes AS old (userid, id, secret_hash, expires_at)
         VALUES ($1, $2, $3, now() + interval '24 hours')
         ON CONFLICT (userid) DO UPDATE SET (id, secret_hash, created_at, expires_at)
           = (excluded.id, excluded.secret_hash, excluded.created_at, excluded.expires_at)
         RETURNING expires_at`,
        [userid, token.id, hashSecret(token.secret)],
      );
      const event = { actor: actor?.userid ?? null, target: userid, client, detail: { code: token.id } };
      await this.audit.record(tx, { action: 'password_reset.issued', ...event });
      return row!.expires_at;
    });
    return { code: formatToken('rst', token), expiresAt };
  }

  private async withAreas(manager: EntityManager, user: User): Promise<UserWithAreas> {
    return { ...user, areas: await areasOf(manager, user.userid, user.roles) };
  }
}

/** An admin changes an account that may be an admin's. */
function byAdmin(actor: Principal, target: string): Change {
  return { target, actor, actorRoles: ['admin'], lockAdmins: true };
}

function existing(target: LockedUser | null): LockedUser {
  if (target === null || target.status === 'deleted') throw new Problem('not_found');
  return target;
}

/** LIKE's wildcards stand for themselves: `_` is in the alphabet of usernames. */
function prefixPattern(search: string): string {
  return `${search
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\\%_]/g, '\\$&')}%`;
}
