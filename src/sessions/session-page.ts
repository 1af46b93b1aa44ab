import type { z } from 'zod';
import type { Principal } from '../access/principal.js';
import { decodeCursor, toPage, type Page, type PageQuery } from '../common/paging.js';
import { isTokenId } from '../common/secret-token.js';
import type { Session } from './session.js';
import { toSessionResponse, type SessionResponse } from './sessions.dto.js';

/** One page of sessions, given all of them newest first: a user has few, so the store is asked for all. */
export function sessionPage(
  sessions: readonly Session[],
  { limit, cursor }: PageQuery,
  caller: Principal,
): Page<z.output<typeof SessionResponse>> {
  const [createdAt, sid] = cursor === undefined ? [null, ''] : decodeCursor(cursor, 2, isSortKey);
  const rest = createdAt === null ? sessions : sessions.filter((session) => isAfter(session, Number(createdAt), sid));
  const page = toPage(rest.slice(0, limit + 1), limit, (session) => [String(session.createdAt), session.sid]);
  const current = caller.session?.sid ?? null;
  return { ...page, items: page.items.map((session) => toSessionResponse(session, current)) };
}

function isSortKey([createdAt, sid]: readonly string[]): boolean {
  return /^\d{1,15}$/.test(createdAt ?? '') && isTokenId(sid);
}

function isAfter(session: Session, createdAt: number, sid: string): boolean {
  return session.createdAt < createdAt || (session.createdAt === createdAt && session.sid < sid);
}
