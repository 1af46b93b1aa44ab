import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { createHash } from 'node:crypto';
import { DataSource, type EntityManager } from 'typeorm';
import { prepared } from '../database/prepared.js';
import { failClosed } from '../limits/fail-closed.js';
import { sourceOf } from '../limits/source.js';
import { PASSWORD_OFF_AT } from '../users/user.js';

const RESERVE_STRANGER = prepared(`
UPDATE users SET web_failures = web_failures + 1 WHERE userid = $1 RETURNING web_failures AS count`);
const RESERVE_KNOWN = prepared(`
UPDATE known_sources SET web_failures = web_failures + 1
WHERE userid = $1 AND source = $2 RETURNING web_failures AS count`);
/** Writes as much for a name that does not exist as for one that does, into one of 256 rows. */
const RESERVE_NOBODY = prepared(`
INSERT INTO limits (key, count, expires_at) VALUES ('web-failures-of-nobody:' || $1, 1, now() + interval '30 minutes')
ON CONFLICT (key) DO UPDATE SET count = 1, expires_at = excluded.expires_at`);

const GIVE_BACK_STRANGER = `
UPDATE users SET web_failures = greatest(web_failures - 1, 0) WHERE userid = $1`;
const GIVE_BACK_KNOWN = `
UPDATE known_sources SET web_failures = greatest(web_failures - 1, 0) WHERE userid = $1 AND source = $2`;

const CLEAR_STRANGERS = `
UPDATE users SET web_failures = 0 WHERE userid = $1 AND web_failures > 0`;
/** In one statement, as each costs a login a round trip; the account's row first, as everybody locks them. */
const CLEAR_ALL = prepared(`
WITH strangers AS (${CLEAR_STRANGERS} RETURNING 1)
UPDATE known_sources SET web_failures = 0
WHERE userid = $1 AND (SELECT count(*) FROM strangers) >= 0 AND web_failures > 0`);

/** Whose counter: an existing account's or, where `userid` is null, nobody's; a known source has its own. */
export interface WebFailureCounter {
  readonly userid: string | null;
  readonly username: string;
  readonly address: string | undefined;
  readonly known: boolean;
}

/**
 * The hard stop of the web kind: wrong passwords in a row, counted in Postgres because no time resets them, in
 * `users.web_failures` for strangers and in `known_sources.web_failures` for each known source. Counted before
 * the password is looked at, or parallel tries would pass the 100th.
 */
@Injectable()
export class WebFailures {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Counts one more as wrong; true where 100 were wrong before it, and it must not be looked at. */
  async reserve({ userid, username, address, known }: WebFailureCounter): Promise<boolean> {
    if (userid === null) {
      const row = createHash('sha256').update(username).digest('hex').slice(0, 2);
      await this.query(RESERVE_NOBODY, [row]);
      return false;
    }
    // A known source that was forgotten since it was looked up is a stranger's.
    const count =
      (known ? await this.reserveIn(RESERVE_KNOWN, [userid, sourceOf(address).key]) : undefined) ??
      (await this.reserveIn(RESERVE_STRANGER, [userid]));
    return (count ?? 0) > PASSWORD_OFF_AT;
  }

  /** Undoes one `reserve`, for a try that was not looked at. */
  async giveBack({ userid, address, known }: WebFailureCounter): Promise<void> {
    if (userid === null) return;
    if (known) await this.query(GIVE_BACK_KNOWN, [userid, sourceOf(address).key]);
    else await this.query(GIVE_BACK_STRANGER, [userid]);
  }

  /** The strangers' count starts again: one of them knew the password. */
  async clearStrangers(userid: string): Promise<void> {
    await this.query(CLEAR_STRANGERS, [userid]);
  }

  /**
   * Every count of the user starts again, and the password is on.
   * @param manager the caller's transaction, where there is one
   */
  async clearAll(userid: string, manager?: EntityManager): Promise<void> {
    await this.query(CLEAR_ALL, [userid], manager);
  }

  /** An UPDATE … RETURNING comes back from TypeORM as `[rows, number of rows]`. */
  private async reserveIn(sql: string, parameters: string[]): Promise<number | undefined> {
    const [rows] = (await this.query(sql, parameters)) as [{ count: number }[], number];
    return rows[0]?.count;
  }

  private query(sql: string, parameters: string[], manager?: EntityManager): Promise<unknown> {
    return failClosed(() => (manager ?? this.dataSource).query<unknown>(sql, parameters));
  }
}
