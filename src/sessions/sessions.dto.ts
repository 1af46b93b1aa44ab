import { z } from 'zod';
import { pageOf, pageQuery } from '../common/paging.js';
import { isTokenId } from '../common/secret-token.js';
import { expiresAt, type Session } from './session.js';

const time = z.iso.datetime().meta({ example: '2026-11-24T20:15:17.000Z' });

/** A session as its owner and admins see it. */
export const SessionResponse = z
  .object({
    id: z
      .string()
      .meta({ description: 'What DELETE /v1/sessions/{id} takes', example: '6f1c0f0e5a4b4c3d8e2f1a0b9c8d7e6f' }),
    mode: z.enum(['token', 'web']),
    createdAt: time,
    lastSeenAt: time.meta({ description: 'Kept to a twelfth of the idle time' }),
    expiresAt: time.meta({ description: 'When it ends if it is not used any more' }),
    absoluteExpiresAt: time.meta({ description: 'When it ends however much it is used' }),
    ip: z.string().meta({ example: '192.0.2.7' }),
    userAgent: z.string().meta({ example: 'Notes/2.1 (Android 16)' }),
    deviceName: z.string().nullable().meta({ example: 'My phone' }),
    current: z.boolean().meta({ description: 'The session of this very call' }),
  })
  .meta({ id: 'Session' });

export const SessionPage = pageOf(SessionResponse).meta({ id: 'SessionPage' });

/** A new session in place of the caller's. */
export const NewSessionResponse = z
  .object({
    accesstoken: z.string().optional().meta({
      description: 'Token mode alone: shown once, the one before is over. In cookie mode the new cookie has it',
      example: 'act_6f1c…_Q2x…',
    }),
    expiresAt: time.meta({ description: 'When the session ends if it is not used any more' }),
    absoluteExpiresAt: time.meta({ description: 'When it ends however much it is used' }),
  })
  .meta({ id: 'NewSession' });

/** Unix ms, up to the year 33658. */
const isMillis = (text: string) => /^\d{1,15}$/.test(text);

export const ListSessionsQuery = pageQuery(isMillis, isTokenId);

export const EndSessionsQuery = z.strictObject({
  keep: z.literal('current').optional().meta({ description: 'A new session in place of this one stays' }),
});
export type EndSessionsQuery = z.output<typeof EndSessionsQuery>;

export function toSessionResponse(session: Session, currentSid: string | null): z.output<typeof SessionResponse> {
  return {
    id: session.sid,
    mode: session.mode,
    createdAt: iso(session.createdAt),
    lastSeenAt: iso(session.lastSeenAt),
    expiresAt: iso(expiresAt(session)),
    absoluteExpiresAt: iso(session.absoluteEnd),
    ip: session.ip,
    userAgent: session.userAgent,
    deviceName: session.deviceName,
    current: session.sid === currentSid,
  };
}

/** Both ends of a session, in the words of every answer that opens one. */
export function endsOf(session: Session): { expiresAt: string; absoluteExpiresAt: string } {
  return { expiresAt: iso(expiresAt(session)), absoluteExpiresAt: iso(session.absoluteEnd) };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
