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

/** A session as it was read, with the generation it was last confirmed under. */
export interface StoredSession {
  readonly session: Session;
  readonly generation: string;
}

/** The session in a parsed Redis value; null for anything that is not one. */
export function decodeSession(userid: string, sid: string, value: unknown): StoredSession | null {
  if (!isRecord(value)) return null;
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
  ] = value;
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

/** The types of a record's fields, in their order. */
const TYPES = ['string', 'string', 'string', 'string', 'string'].concat(
  Array<string>(5).fill('number'),
  Array<string>(3).fill('string'),
);

function isRecord(value: unknown): value is SessionRecord {
  return (
    Array.isArray(value) && value.length === TYPES.length && TYPES.every((type, place) => typeof value[place] === type)
  );
}
