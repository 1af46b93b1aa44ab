import type { Session } from './session.js';

/**
 * How Redis keeps a session: a JSON array, since names would cost more bytes than values. The Lua scripts of
 * `redis-session.store.ts` know the places (there counted from 1).
 */
export type SessionRecord = [
  secretHash: string,
  mode: 't' | 'w',
  epoch: string,
  generation: string,
  apitokenId: string,
  authTime: number,
  createdAt: number,
  lastSeenAt: number,
  absoluteEnd: number,
  idleMs: number,
  ip: string,
  userAgent: string,
  deviceName: string,
];

const LENGTH = 13;

/** A session as it was read, with the generation it was last confirmed under. */
export interface StoredSession {
  readonly session: Session;
  readonly generation: string;
}

/** The session in a parsed Redis value; null for anything that is not one. */
export function decodeSession(userid: string, sid: string, value: unknown): StoredSession | null {
  if (!Array.isArray(value) || value.length !== LENGTH || typeof value[0] !== 'string') return null;
  const [
    secretHash,
    mode,
    epoch,
    generation,
    apitokenId,
    authTime,
    createdAt,
    lastSeenAt,
    absoluteEnd,
    idleMs,
    ...rest
  ] = value as SessionRecord;
  const [ip, userAgent, deviceName] = rest;
  const session: Session = {
    sid,
    userid,
    secretHash,
    mode: mode === 'w' ? 'web' : 'token',
    epoch,
    apitokenId: apitokenId === '' ? null : apitokenId,
    authTime,
    createdAt,
    lastSeenAt,
    absoluteEnd,
    idleMs,
    ip,
    userAgent,
    deviceName: deviceName === '' ? null : deviceName,
  };
  return { session, generation };
}
