import type { z } from 'zod';
import type { Principal } from '../access/principal.js';
import { toPage, type Page, type PageQuery } from '../common/paging.js';
import type { Session } from './session.js';
import { toSessionResponse, type SessionResponse } from './sessions.dto.js';

/** One page of sessions, given all of them newest first: a user has few, so the store is asked for all. */
export function sessionPage(
  sessions: readonly Session[],
  { limit, cursor }: PageQuery,
  caller: Principal,
): Page<z.output<typeof SessionResponse>> {
  const rest = cursor === undefined ? sessions : sessions.filter((session) => isAfter(session, cursor));
  const page = toPage(rest.slice(0, limit + 1), limit, (session) => [String(session.createdAt), session.sid]);
  const current = caller.session?.sid ?? null;
  return { ...page, items: page.items.map((session) => toSessionResponse(session, current)) };
}

function isAfter(session: Session, [createdAt, sid]: readonly string[]): boolean {
  const at = Number(createdAt);
  return session.createdAt < at || (session.createdAt === at && session.sid < sid!);
}
