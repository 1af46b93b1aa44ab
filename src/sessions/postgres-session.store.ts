import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { AUTHORITY_COLUMNS, authorityFromRow, type AuthorityRow } from '../authority/authority.js';
import { TruthService } from '../authority/truth.service.js';
import { isSecretOf, type SecretToken } from '../common/secret-token.js';
import { prepared } from '../database/prepared.js';
import type { NewSession, Session } from './session.js';
import { SessionStore, type Found } from './session-store.js';

interface SessionRow {
  sid: string;
  userid: string;
  secret_hash: string;
  mode: 'token' | 'web';
  epoch: string;
  apitoken_id: string | null;
  auth_time: Date;
  created_at: Date;
  last_seen_at: Date;
  absolute_end: Date;
  idle_ms: string;
  ip: string;
  user_agent: string;
  device_name: string | null;
}

const COLUMNS = `s.sid, s.userid, s.secret_hash, s.mode, s.epoch, s.apitoken_id, s.auth_time, s.created_at,
  s.last_seen_at, s.absolute_end, s.idle_ms, s.ip, s.user_agent, s.device_name`;

/**
 * Times are cut to the millisecond in which they are shown. $10: idle, $11: absolute, both in ms; $12: the latest
 * absolute end, $13: the time of proof, both Unix ms or null.
 */
const CREATE = prepared(`WITH clock AS (SELECT date_trunc('milliseconds', now()) AS now),
  ends AS (SELECT now, LEAST(now + $11::bigint * interval '1 ms', to_timestamp($12::float8 / 1000)) AS absolute_end
    FROM clock)
  INSERT INTO sessions AS s (sid, userid, secret_hash, mode, epoch, apitoken_id, ip, user_agent, device_name, idle_ms,
    auth_time, created_at, last_seen_at, absolute_end, expires_at)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10::bigint, COALESCE(to_timestamp($13::float8 / 1000), now), now, now,
    absolute_end, LEAST(now + $10::bigint * interval '1 ms', absolute_end)
  FROM ends WHERE absolute_end > now
  RETURNING ${COLUMNS}`);

const AUTHENTICATE = prepared(`SELECT ${COLUMNS}, ${AUTHORITY_COLUMNS}
  FROM sessions s JOIN users u ON u.userid = s.userid CROSS JOIN generation g
  WHERE s.sid = $1 AND s.userid = $2 AND s.expires_at > now()
    AND NOT EXISTS (SELECT 1 FROM session_ends e WHERE e.sid = s.sid)`);

const TOUCH = prepared(`UPDATE sessions SET last_seen_at = date_trunc('milliseconds', now()),
    expires_at = LEAST(now() + idle_ms * interval '1 ms', absolute_end)
  WHERE sid = $1 AND expires_at > now()`);

const LIST = prepared(`SELECT ${COLUMNS} FROM sessions s WHERE s.userid = $1 AND s.expires_at > now()`);

const REMOVE = prepared('DELETE FROM sessions WHERE sid = $1');

/** Sessions in Postgres: the embedded default, and small teams that run Postgres alone. */
@Injectable()
export class PostgresSessionStore extends SessionStore {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly truth: TruthService,
  ) {
    super();
  }

  async create(session: NewSession): Promise<Session | null> {
    this.truth.begin();
    const { sid, userid, secretHash, mode, epoch, apitokenId, ip, userAgent, deviceName } = session;
    const { idleMs, absoluteMs, notAfter, authTime } = session;
    const identity = [sid, userid, secretHash, mode, epoch, apitokenId, ip, userAgent, deviceName];
    const rows: SessionRow[] = await this.dataSource.query(CREATE, [
      ...identity,
      idleMs,
      absoluteMs,
      notAfter,
      authTime,
    ]);
    return rows[0] === undefined ? null : toSession(rows[0]);
  }

  async authenticate(userid: string, { id: sid, secret }: SecretToken): Promise<Found | null> {
    this.truth.begin();
    const [row]: (SessionRow & AuthorityRow)[] = await this.dataSource.query(AUTHENTICATE, [sid, userid]);
    if (row === undefined || !isSecretOf(secret, row.secret_hash)) return null;
    return { session: toSession(row), authority: authorityFromRow(row), by: 'postgres' };
  }

  async touch(session: Session): Promise<void> {
    await this.dataSource.query(TOUCH, [session.sid]);
  }

  async list(userid: string): Promise<Session[]> {
    this.truth.begin();
    const rows: SessionRow[] = await this.dataSource.query(LIST, [userid]);
    return rows.map(toSession);
  }

  /** Nothing to do: every call looks at the ends on record. */
  async fence(): Promise<void> {}

  nowMs(): number {
    return this.truth.postgresNowMs;
  }

  async remove(_userid: string, sid: string): Promise<void> {
    await this.truth.settle(() => this.dataSource.query(REMOVE, [sid]));
  }
}

function toSession(row: SessionRow): Session {
  return {
    sid: row.sid,
    userid: row.userid,
    secretHash: row.secret_hash,
    mode: row.mode,
    epoch: row.epoch,
    apitokenId: row.apitoken_id,
    authTime: row.auth_time.getTime(),
    createdAt: row.created_at.getTime(),
    lastSeenAt: row.last_seen_at.getTime(),
    absoluteEnd: row.absolute_end.getTime(),
    idleMs: Number(row.idle_ms),
    ip: row.ip,
    userAgent: row.user_agent,
    deviceName: row.device_name,
  };
}
