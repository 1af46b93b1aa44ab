import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { setSessionCookie } from '../http/session-cookie.js';
import { endsOf, type NewSessionResponse } from './sessions.dto.js';
import type { OpenedSession } from './sessions.service.js';

/** Tells the secret of a new session, this one time: in mode token in the body, in mode web in the cookie alone. */
export function handOver(
  { session, accesstoken }: OpenedSession,
  reply: FastifyReply,
): z.output<typeof NewSessionResponse> {
  if (session.mode === 'token') return { accesstoken, ...endsOf(session) };
  // Both times are the store's: no other clock can make the cookie outlive the session.
  const seconds = Math.floor((session.absoluteEnd - session.createdAt) / 1000);
  setSessionCookie(reply, session.userid, accesstoken, seconds);
  return endsOf(session);
}
