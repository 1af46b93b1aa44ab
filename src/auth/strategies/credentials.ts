import type { FastifyRequest } from 'fastify';
import { Problem } from '../../common/problem.js';

export const SESSION_COOKIE = '__Host-session';

/** What a request carries of each kind; values are as sent. */
export interface Carried {
  readonly authorization: string | null;
  readonly userid: string | null;
  readonly cookie: string | null;
}

/**
 * Which credentials a request carries. Counted in the raw headers, because parsed ones keep one of two.
 * @throws Problem `ambiguous_credentials` where there are two of a kind, or a header beside the cookie.
 */
export function carriedCredentials(request: FastifyRequest): Carried {
  const authorization: string[] = [];
  const userid: string[] = [];
  const cookie: string[] = [];
  const { rawHeaders } = request.raw;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const value = rawHeaders[at + 1]!;
    switch (rawHeaders[at]!.toLowerCase()) {
      case 'authorization':
        authorization.push(value);
        break;
      case 'x-user-id':
        userid.push(value);
        break;
      case 'cookie':
        cookie.push(...sessionCookies(value));
        break;
    }
  }
  const inHeaders = authorization.length + userid.length > 0;
  if (authorization.length > 1 || userid.length > 1 || cookie.length > 1) throw new Problem('ambiguous_credentials');
  if (cookie.length > 0 && inHeaders) throw new Problem('ambiguous_credentials');
  if (userid.length > 0 && /^basic(\s|$)/i.test(authorization[0] ?? '')) throw new Problem('ambiguous_credentials');
  return { authorization: authorization[0] ?? null, userid: userid[0] ?? null, cookie: cookie[0] ?? null };
}

/** Values of the session cookie in one Cookie header: exactly that name, everything else is somebody else's. */
function sessionCookies(header: string): string[] {
  if (!header.includes(SESSION_COOKIE)) return [];
  const values: string[] = [];
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === SESSION_COOKIE) values.push(pair.slice(equals + 1).trim());
  }
  return values;
}
