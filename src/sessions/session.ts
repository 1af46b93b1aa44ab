import type { Authority } from '../authority/authority.js';

/** One login on one device. Says who, never what: status, roles and areas are looked up per request. Times: Unix ms. */
export interface Session {
  readonly sid: string;
  readonly userid: string;
  readonly secretHash: string;
  readonly mode: 'token' | 'web';
  /** `<world>.<own>`, as read beside the password hash, or given by the transaction that made the session. */
  readonly epoch: string;
  /** The apitoken that opened it; null in mode `web`. */
  readonly apitokenId: string | null;
  /** Last proof of the password. */
  readonly authTime: number;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly absoluteEnd: number;
  readonly idleMs: number;
  readonly ip: string;
  readonly userAgent: string;
  readonly deviceName: string | null;
}

/** What a new session is made of; the store's clock gives the times. */
export interface NewSession {
  readonly sid: string;
  readonly userid: string;
  readonly secretHash: string;
  readonly mode: 'token' | 'web';
  readonly epoch: string;
  readonly apitokenId: string | null;
  readonly ip: string;
  readonly userAgent: string;
  readonly deviceName: string | null;
  readonly idleMs: number;
  readonly absoluteMs: number;
  /** The absolute end is never later than this: the apitoken's expiry, or the end of the session it replaces. */
  readonly notAfter: number | null;
  /** Null: now. Kept from the old session where no password was proved. */
  readonly authTime: number | null;
}

/** When it ends if nobody uses it any more. */
export function expiresAt(session: Session): number {
  return Math.min(session.lastSeenAt + session.idleMs, session.absoluteEnd);
}

/** Whether the session is still honoured, given what is true of its user now (design rule 10). */
export function isHonoured(session: Session, authority: Authority): boolean {
  if (authority.status !== 'active' || session.epoch !== authority.epoch) return false;
  return session.mode === 'web' || (session.apitokenId !== null && authority.apitokens.includes(session.apitokenId));
}
