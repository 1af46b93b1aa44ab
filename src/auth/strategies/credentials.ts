import type { FastifyRequest } from 'fastify';
import { Problem } from '../../common/problem.js';
import { sessionCookiesIn } from '../../http/session-cookie.js';

/** What a request carries of each kind; values are as sent. */
export interface Carried {
  readonly authorization: string | null;
  readonly userid: string | null;
  readonly cookie: string | null;
}

/** Guard and strategy both ask. */
type LookedAt = FastifyRequest & { carried?: Carried };

const BASIC = /^basic(?:[ \t]|$)/i;

/**
 * Which credentials a request carries. Counted in the raw headers, because parsed ones keep one of two.
 * @throws Problem `ambiguous_credentials` where there are two of a kind, or a header beside the cookie.
 */
export function carriedCredentials(request: FastifyRequest): Carried {
  return ((request as LookedAt).carried ??= readCredentials(request));
}

/** Whether they are of mode `basic`. */
export function isBasic({ authorization }: Carried): boolean {
  return authorization !== null && BASIC.test(authorization);
}

function readCredentials(request: FastifyRequest): Carried {
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
        cookie.push(...sessionCookiesIn(value));
        break;
    }
  }
  const inHeaders = authorization.length + userid.length > 0;
  if (authorization.length > 1 || userid.length > 1 || cookie.length > 1) throw new Problem('ambiguous_credentials');
  if (cookie.length > 0 && inHeaders) throw new Problem('ambiguous_credentials');
  const carried = { authorization: authorization[0] ?? null, userid: userid[0] ?? null, cookie: cookie[0] ?? null };
  if (carried.userid !== null && isBasic(carried)) throw new Problem('ambiguous_credentials');
  return carried;
}
