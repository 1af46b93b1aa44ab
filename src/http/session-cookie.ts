import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { headerValues } from './raw-headers.js';

const NAME = '__Host-session';
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';

/** The only blanks that RFC 6265 lets stand around a name; `trim` would take others, with which a name is another. */
const BLANKS = /^[ \t]+|[ \t]+$/g;

/** The values of the session cookie in one Cookie header: exactly that name, everything else is somebody else's. */
export function sessionCookiesIn(header: string): string[] {
  if (!header.includes(NAME)) return [];
  const values: string[] = [];
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1 || pair.slice(0, equals).replace(BLANKS, '') !== NAME) continue;
    values.push(pair.slice(equals + 1).replace(BLANKS, ''));
  }
  return values;
}

/** Every session cookie that a request came with, though one at most is looked at. */
export function sessionCookiesOf(rawHeaders: readonly string[]): string[] {
  return headerValues(rawHeaders, 'cookie').flatMap(sessionCookiesIn);
}

/** The halves of a cookie's value, `<userid>.<accesstoken>`, as sent; null where it has not got two. */
export function parseSessionCookie(value: string): { userid: string; accesstoken: string } | null {
  const dot = value.indexOf('.');
  return dot === -1 ? null : { userid: value.slice(0, dot), accesstoken: value.slice(dot + 1) };
}

/** Has the browser keep the session for that many seconds (contract). */
export function setSessionCookie(reply: FastifyReply, userid: string, accesstoken: string, seconds: number): void {
  reply.header('set-cookie', `${NAME}=${userid}.${accesstoken}; ${ATTRIBUTES}; Max-Age=${seconds}`);
}

/** Has the browser forget the session. */
export function clearSessionCookie(reply: FastifyReply): void {
  reply.header('set-cookie', `${NAME}=; ${ATTRIBUTES}; Max-Age=0`);
}

/** The values of all session cookies of the call, as a handler's parameter. */
export const SessionCookies = createParamDecorator((_data: unknown, context: ExecutionContext): string[] =>
  sessionCookiesOf(context.switchToHttp().getRequest<FastifyRequest>().raw.rawHeaders),
);
