import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { prepared } from '../database/prepared.js';
import { failClosed } from '../limits/fail-closed.js';
import { sourceOf } from '../limits/source.js';

/** Compares with no user at all, so that a name that does not exist costs the same query. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

const IS_KNOWN = prepared(`
SELECT 1 FROM known_sources
WHERE userid = $1 AND source = $2 AND last_login_at > now() - interval '30 days'`);

const REMEMBER = prepared(`
INSERT INTO known_sources (userid, source)
SELECT userid, $2 FROM users
WHERE userid = $1 AND ($3::text IS NULL OR (SELECT world FROM generation) || '.' || epoch = $3) FOR SHARE
ON CONFLICT (userid, source) DO UPDATE SET last_login_at = now(), web_failures = 0`);

/**
 * From where each user logged in within 30 days (docs/security.md, Limits): there they have a run of waits and a hard stop
 * of their own, so that strangers who try their name cannot keep them out. An address counts as its source: IPv4
 * address or IPv6 /64. Rows past 30 days mean nothing and are swept.
 */
@Injectable()
export class KnownSources {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** True where that user logged in from that address's source within 30 days; false for no user. */
  async isKnown(userid: string | null, address: string | undefined): Promise<boolean> {
    const { key } = sourceOf(address);
    const rows = await failClosed(() => this.dataSource.query<unknown[]>(IS_KNOWN, [userid ?? NOBODY, key]));
    return rows.length > 0;
  }

  /**
   * Notes a successful login; the source's 30 days, and its count to the hard stop, begin anew.
   * @param epoch the one read beside the password hash: nothing is noted where another one is in force, because the
   *   password was changed meanwhile and all sources forgotten
   */
  async remember(userid: string, address: string | undefined, epoch: string | null = null): Promise<void> {
    const { key } = sourceOf(address);
    await failClosed(() => this.dataSource.query(REMEMBER, [userid, key, epoch]));
  }

  /**
   * Forgets all of a user's sources, at password change and reset.
   * @param manager the caller's transaction, where there is one
   */
  async forgetAll(userid: string, manager?: EntityManager): Promise<void> {
    const db = manager ?? this.dataSource;
    await failClosed(() => db.query('DELETE FROM known_sources WHERE userid = $1', [userid]));
  }
}
