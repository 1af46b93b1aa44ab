import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Principal } from '../access/principal.js';
import { AuditService } from '../audit/audit.service.js';
import { AuthorityService, type Change } from '../authority/authority.service.js';
import { microsOf, timeOfMicros, toPage, type Page, type PageQuery } from '../common/paging.js';
import { Problem } from '../common/problem.js';
import { formatToken, hashSecret, isSecretOf, makeToken, type SecretToken } from '../common/secret-token.js';
import { prepared } from '../database/prepared.js';
import type { ClientInfo } from '../http/client-info.js';
import type { CreateApitokenRequest } from './apitokens.dto.js';

/** What one user may hold (contract). */
const MAX_APITOKENS = 50;

/** An apitoken without its secret. */
export interface Apitoken {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  /** Null: it does not expire. */
  readonly expiresAt: Date | null;
  /** Null: nobody has logged in with it yet. */
  readonly lastUsedAt: Date | null;
}

/** A new apitoken and the one time its secret is told. */
export interface IssuedApitoken extends Omit<Apitoken, 'lastUsedAt'> {
  readonly apitoken: string;
}

/** The owner of a right apitoken, as read in one go: the epoch stands beside the password hash (design rule 12). */
export interface ApitokenOwner {
  readonly apitokenId: string;
  /** Unix ms: no session that it opens may outlive this; null: it does not expire. */
  readonly expiresAt: number | null;
  readonly userid: string;
  readonly username: string;
  readonly status: 'active' | 'disabled' | 'deleted';
  readonly passwordHash: string | null;
  /** `<world>.<own>` */
  readonly epoch: string;
  readonly isApp: boolean;
}

/** `micros`: of the time of creation, for the cursor. */
type ApitokenRow = Apitoken & { readonly micros: string };

const LIST = `SELECT id, name, created_at AS "createdAt", expires_at AS "expiresAt", last_used_at AS "lastUsedAt",
    ${microsOf('created_at')} AS micros
  FROM apitokens
  WHERE userid = $1
    AND ($3::bigint IS NULL OR (created_at, id) < (${timeOfMicros('$3')}, $4))
  ORDER BY created_at DESC, id DESC LIMIT $2`;

const FIND =
  prepared(`SELECT t.id AS "apitokenId", t.secret_hash AS "secretHash", t.expires_at AS "expiresAt", u.userid,
    u.username, u.status, u.password_hash AS "passwordHash", g.world || '.' || u.epoch AS epoch,
    EXISTS (SELECT 1 FROM user_roles WHERE userid = u.userid AND role = 'app') AS "isApp"
  FROM apitokens t JOIN users u ON u.userid = t.userid CROSS JOIN generation g
  WHERE t.id = $1 AND (t.expires_at IS NULL OR t.expires_at > now())`);

/** The first $2 to give up: expired ones, then never used ones from the oldest on, then the longest unused. */
const GIVE_UP = `DELETE FROM apitokens WHERE id IN (
    SELECT id FROM apitokens WHERE userid = $1
    ORDER BY COALESCE(expires_at <= now(), false) DESC, last_used_at IS NOT NULL,
      COALESCE(last_used_at, created_at), id
    LIMIT $2)
  RETURNING id, name`;

/**
 * The long-lived secrets beside username and password. A session is honoured only while its apitoken is among the
 * live ones, so making and deleting one is a change of its owner's authority.
 */
@Injectable()
export class ApitokensService {
  constructor(
    private readonly authority: AuthorityService,
    private readonly audit: AuditService,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /** A page of the user's apitokens, newest first. */
  async list(userid: string, { limit, cursor }: PageQuery): Promise<Page<Apitoken>> {
    const [micros = null, id = null] = cursor ?? [];
    const rows: ApitokenRow[] = await this.dataSource.query(LIST, [userid, limit + 1, micros, id]);
    return toPage(rows, limit, (row) => [row.micros, row.id]);
  }

  /** The same for an admin: 404 for nobody. */
  async listOf(userid: string, page: PageQuery): Promise<Page<Apitoken>> {
    const truth = await this.authority.ask(userid, null);
    if (truth === null || truth.authority.status === 'deleted') throw new Problem('not_found');
    return this.list(userid, page);
  }

  /**
   * Makes one for the user, who is the actor or whom the actor manages as an admin. 404 for nobody; 409
   * `too_many_apitokens` at 50 live ones, counted while nobody else can make one for the same user.
   */
  async create(
    userid: string,
    { name, expiresAt }: CreateApitokenRequest,
    actor: Principal,
    client: ClientInfo,
  ): Promise<IssuedApitoken> {
    return this.authority.change(changeBy(actor, userid), async (tx, { target }) => {
      if (target === null || target.status === 'deleted') throw new Problem('not_found');
      if ((await countLive(tx, userid)) >= MAX_APITOKENS) throw new Problem('too_many_apitokens');
      const made = await this.insert(tx, userid, name, expiresAt ?? null);
      await this.audit.record(tx, {
        action: 'apitoken.created',
        actor: actor.userid,
        target: userid,
        client,
        detail: { apitoken: made.id, name },
      });
      return made;
    });
  }

  /** Deletes one of the user's; the sessions opened with it are over. 404 where the user has no such apitoken. */
  async delete(userid: string, id: string, actor: Principal, client: ClientInfo): Promise<void> {
    await this.authority.change(changeBy(actor, userid), async (tx) => {
      const deleted = await this.remove(tx, userid, id);
      if (deleted === null) throw new Problem('not_found');
      await this.recordDeleted(tx, [deleted], userid, actor, client);
    });
  }

  /**
   * The owner of `token`, in one indexed read; null where there is no such apitoken, its secret is another, or it has
   * expired. Whether the owner is active is the caller's to look at.
   */
  async findForLogin(token: SecretToken): Promise<ApitokenOwner | null> {
    type Row = Omit<ApitokenOwner, 'expiresAt'> & { secretHash: string; expiresAt: Date | null };
    const rows: Row[] = await this.dataSource.query(FIND, [token.id]);
    if (rows[0] === undefined || !isSecretOf(token.secret, rows[0].secretHash)) return null;
    const { secretHash: _, expiresAt, ...owner } = rows[0];
    return { ...owner, expiresAt: expiresAt?.getTime() ?? null };
  }

  /**
   * Makes room for one more where the user holds 50: an expired one goes, else the oldest that was never used, else
   * the longest unused. `tx`: of an `authority.change` whose target is the user.
   */
  async makeRoom(tx: EntityManager, userid: string, actor: Principal, client: ClientInfo): Promise<void> {
    const [row]: { held: number }[] = await tx.query(
      'SELECT count(*)::integer AS held FROM apitokens WHERE userid = $1',
      [userid],
    );
    const surplus = (row?.held ?? 0) + 1 - MAX_APITOKENS;
    if (surplus <= 0) return;
    const [deleted]: [DeletedRow[], number] = await tx.query(GIVE_UP, [userid, surplus]);
    await this.recordDeleted(tx, deleted, userid, actor, client);
  }

  /**
   * Stores a new apitoken. `tx`: of an `authority.change` whose target is the user, or the one that makes the user;
   * the audit row is the caller's.
   * @param token where it is given from outside (the first accounts), else made at random
   */
  async insert(
    tx: EntityManager,
    userid: string,
    name: string,
    expiresAt: Date | null,
    token: SecretToken = makeToken(),
  ): Promise<IssuedApitoken> {
    const [row]: { created_at: Date }[] = await tx.query(
      `INSERT INTO apitokens (id, userid, name, secret_hash, expires_at) VALUES ($1, $2, $3, $4, $5)
       RETURNING created_at`,
      [token.id, userid, name, hashSecret(token.secret), expiresAt],
    );
    return { id: token.id, name, apitoken: formatToken('apt', token), createdAt: row!.created_at, expiresAt };
  }

  /**
   * Deletes one; null where the user has no such apitoken. `tx`: of an `authority.change` whose target is the user; the
   * audit row is the caller's.
   */
  async remove(tx: EntityManager, userid: string, id: string): Promise<{ id: string; name: string } | null> {
    const sql = 'DELETE FROM apitokens WHERE userid = $1 AND id = $2 RETURNING id, name';
    const [deleted]: [DeletedRow[], number] = await tx.query(sql, [userid, id]);
    return deleted[0] ?? null;
  }

  private async recordDeleted(
    tx: EntityManager,
    deleted: readonly DeletedRow[],
    userid: string,
    actor: Principal,
    client: ClientInfo,
  ): Promise<void> {
    for (const { id, name } of deleted) {
      const detail = { apitoken: id, name };
      await this.audit.record(tx, { action: 'apitoken.deleted', actor: actor.userid, target: userid, client, detail });
    }
  }
}

interface DeletedRow {
  readonly id: string;
  readonly name: string;
}

/** Over one's own apitokens nobody needs a role; over others' the actor must still be an admin. */
function changeBy(actor: Principal, target: string): Change {
  return actor.userid === target ? { target, actor } : { target, actor, actorRoles: ['admin'] };
}

async function countLive(tx: EntityManager, userid: string): Promise<number> {
  const [row]: { live: number }[] = await tx.query(
    `SELECT count(*)::integer AS live FROM apitokens
     WHERE userid = $1 AND (expires_at IS NULL OR expires_at > now())`,
    [userid],
  );
  return row?.live ?? 0;
}
