import type { ClientInfo } from '../http/client-info.js';
import type { AuditAction } from './audit-action.js';

/** Something that has happened. */
export interface AuditEvent {
  readonly action: AuditAction;
  /** Userid of who did it; null for the host's commands and for whoever has not proved who they are. */
  readonly actor: string | null;
  /** Userid of whose account it touched. */
  readonly target: string | null;
  /** Null for the host's commands. */
  readonly client: ClientInfo | null;
  /** Names and numbers, never a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** A login that succeeded. */
export interface Login {
  readonly userid: string;
  /** Null: without one. */
  readonly apitokenId: string | null;
  readonly client: ClientInfo;
  readonly mode: 'token' | 'web';
}

/** A login that was refused as `invalid_credentials`. */
export interface FailedLogin {
  /** As folded; null where what was sent does not fold into a username. */
  readonly username: string | null;
  /** Whose name it is; null where nobody has it. */
  readonly userid: string | null;
  readonly client: ClientInfo;
  /** How the password or code was given. */
  readonly mode: 'token' | 'web' | 'reset' | 'apitoken' | 'basic';
}

/** What is kept of it. */
export interface AuditRow {
  id: string;
  at: Date;
  /** `at` in Unix microseconds: a `Date` is too coarse to continue a list from. */
  micros: string;
  action: AuditAction;
  actor: string | null;
  target: string | null;
  ip: string | null;
  request_id: string | null;
  detail: Record<string, unknown>;
}
