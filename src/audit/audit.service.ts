import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { microsOf, timeOfMicros, toPage, type Page } from '../common/paging.js';
import { prepared } from '../database/prepared.js';
import type { Queryable } from '../database/queryable.js';
import { failClosed } from '../limits/fail-closed.js';
import { sourceOf } from '../limits/source.js';
import type { AuditEvent, AuditRow, FailedLogin, Login } from './audit-event.js';
import type { AuditQuery } from './audit.dto.js';

const COLUMNS = `id, at, ${microsOf('at')} AS micros, action, actor, target, ip, request_id, detail`;

/** $1 action, $2 since and $3 until in Unix ms, $4 and $5 the cursor, $6 how many; null: not asked for. */
const MATCHES = `($1::text IS NULL OR action = $1)
  AND ($2::float8 IS NULL OR at >= to_timestamp($2 / 1000)) AND ($3::float8 IS NULL OR at < to_timestamp($3 / 1000))
  AND ($4::bigint IS NULL OR (at, id) < (${timeOfMicros('$4')}, $5::bigint))`;
const NEWEST = 'ORDER BY at DESC, id DESC LIMIT $6';

const LIST = `SELECT ${COLUMNS} FROM audit WHERE ${MATCHES} ${NEWEST}`;

/** $7 userid. Each half reads its own index and no further than the page; OR would read and sort all of a user's rows. */
const LIST_OF_USER = `SELECT * FROM (
    (SELECT ${COLUMNS} FROM audit WHERE actor = $7 AND ${MATCHES} ${NEWEST})
    UNION ALL
    (SELECT ${COLUMNS} FROM audit WHERE target = $7 AND actor IS DISTINCT FROM target AND ${MATCHES} ${NEWEST})
  ) AS theirs ${NEWEST}`;

/** $1 action, $2 actor, $3 target, $4 ip, $5 request id, $6 detail. */
const RECORD = prepared(
  'INSERT INTO audit (action, actor, target, ip, request_id, detail) VALUES ($1, $2, $3, $4, $5, $6)',
);

/** True where a row's time must be noted: of an app account, with which a thousand phones log in, once a second at most. */
const noted = (row: string, time: string) => `${row}.${time} IS NULL OR ${row}.${time} < now() - interval '1 second'
      OR NOT EXISTS (SELECT 1 FROM user_roles WHERE userid = ${row}.userid AND role = 'app')`;

/**
 * $2 the user, $7 the apitoken or null. The account's row before the apitoken's, as everybody locks them: the second
 * asks what came of the first.
 */
const LOGIN = prepared(`WITH account AS (
    UPDATE users u SET last_login_at = now() WHERE userid = $2 AND (${noted('u', 'last_login_at')}) RETURNING 1),
  apitoken AS (
    UPDATE apitokens t SET last_used_at = now()
    WHERE id = $7 AND (SELECT count(*) FROM account) >= 0 AND (${noted('t', 'last_used_at')}))
  ${RECORD}`);

/** $1 target, $2 ip, $3 request id, $4 mode, $5 detail, $6 source and name. */
const FAILED_LOGIN = prepared(`INSERT INTO audit AS a (action, target, ip, request_id, detail, failure_key)
  VALUES ('login.failed', $1, $2, $3, $5::jsonb || jsonb_build_object('count', 1, 'modes', jsonb_build_object($4::text, 1)),
    $6 || ':' || floor(extract(epoch FROM now()) / 60))
  ON CONFLICT (failure_key) DO UPDATE SET
    target = COALESCE(a.target, excluded.target),
    detail = a.detail || jsonb_build_object('count', (a.detail->>'count')::int + 1,
      'modes', a.detail->'modes' || jsonb_build_object($4::text, COALESCE((a.detail->'modes'->>$4)::int, 0) + 1))`);

/** What happened, who did it, to whom: append-only. */
@Injectable()
export class AuditService {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Writes one row, in the transaction of the change that it tells of: neither is there without the other. */
  async record(tx: EntityManager, event: AuditEvent): Promise<void> {
    await tx.query(RECORD, valuesOf(event));
  }

  /**
   * Writes down a successful login, and at the account and the apitoken when it was. One statement, as each costs the
   * login a round trip.
   * @param db the caller's transaction, where there is one
   */
  async recordLogin({ userid, apitokenId, client, mode }: Login, db: Queryable = this.dataSource): Promise<void> {
    const event: AuditEvent = { action: 'login', actor: userid, target: userid, client, detail: { mode } };
    await db.query(LOGIN, [...valuesOf(event), apitokenId]);
  }

  /**
   * Counts a failed login in the one row of its source, name and minute; `detail` has `count` and, by mode, `modes`.
   * A name that nobody has is kept as a hash alone: people type passwords into that field. Fails closed: what cannot
   * be written down is not answered as a login (503 `unavailable`), whoever's it was.
   */
  async recordFailedLogin({ username, userid, client, mode }: FailedLogin): Promise<void> {
    const detail = userid === null || username === null ? {} : { username };
    await failClosed(async () => {
      const key = hash('sha256', `${sourceOf(client.ip).key} ${username ?? ''}`, 'base64url');
      const values = [userid, client.ip, client.requestId, mode, JSON.stringify(detail), key];
      await this.dataSource.query(FAILED_LOGIN, values);
    });
  }

  /** One page, newest first. */
  async list({ userid, action, since, until, limit, cursor }: AuditQuery): Promise<Page<AuditRow>> {
    const [micros = null, id = null] = cursor ?? [];
    const values = [action ?? null, since ?? null, until ?? null, micros, id, limit + 1];
    const rows: AuditRow[] =
      userid === undefined
        ? await this.dataSource.query(LIST, values)
        : await this.dataSource.query(LIST_OF_USER, [...values, userid]);
    return toPage(rows, limit, (row) => [row.micros, row.id]);
  }
}

function valuesOf({ action, actor, target, client, detail = {} }: AuditEvent): unknown[] {
  return [action, actor, target, client?.ip ?? null, client?.requestId ?? null, JSON.stringify(detail)];
}
