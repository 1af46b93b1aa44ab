import type { EntityManager } from 'typeorm';
import type { Authority } from '../authority/authority.js';
import type { SecretToken } from '../common/secret-token.js';
import type { NewSession, Session } from './session.js';

/** A session and what was true of its user when it was looked up. */
export interface Found {
  readonly session: Session;
  readonly authority: Authority;
  /** Who decided. */
  readonly by: 'memory' | 'redis' | 'postgres';
}

/**
 * Where sessions lie. Two implementations, one contract suite. Every method answers 503 `unavailable` rather than
 * guess; none retries.
 */
export abstract class SessionStore {
  /** Makes it; null where its end would already be past. */
  abstract create(session: NewSession): Promise<Session | null>;

  /**
   * The session of an accesstoken with what is true of its user, or null where there is no such session, its secret is
   * another, it has expired, or its end is recorded. Whether it is honoured is for `isHonoured` to say.
   */
  abstract authenticate(userid: string, token: SecretToken): Promise<Found | null>;

  /** Lets the idle time begin anew. Never makes a session, nor changes anything else of it. */
  abstract touch(session: Session): Promise<void>;

  /** Every session of the user that has not expired, in no order, honoured or not. */
  abstract list(userid: string): Promise<Session[]>;

  /**
   * Called in the transaction that puts the session's end on record, before its COMMIT: from now on Postgres alone says
   * whether this session lives, whatever becomes of the process (design rule 8). 503 `unavailable`: nothing may be
   * committed.
   */
  abstract fence(tx: EntityManager, userid: string, sid: string): Promise<void>;

  /** What time it is where the times of this user's sessions come from, in Unix ms. */
  abstract nowMs(userid: string): number;

  /** Takes it away. An end that must never be undone is on record before; one for the cap need not be. */
  abstract remove(userid: string, sid: string): Promise<void>;
}
