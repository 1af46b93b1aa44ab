/** How a request said who it is (contract). */
export type AuthMode = 'token' | 'web' | 'basic';

/** The part of a session that a request may need again. */
export interface PrincipalSession {
  readonly sid: string;
  /** `<world>.<own>`, the epoch that the session was opened under (design rule 10). */
  readonly epoch: string;
  /** Unix ms of the last proof of the password. */
  readonly authTime: number;
  /** Unix ms. */
  readonly absoluteEnd: number;
  /** The apitoken that opened it; null in mode `web`. */
  readonly apitokenId: string | null;
  readonly deviceName: string | null;
}

/** Who is calling, as true as this request found it. */
export interface Principal {
  readonly userid: string;
  readonly username: string;
  /** Sorted, `user` always among them. */
  readonly roles: readonly string[];
  readonly mode: AuthMode;
  /** Null in mode `basic`. */
  readonly session: PrincipalSession | null;
}
