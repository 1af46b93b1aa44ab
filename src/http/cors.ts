import type { FastifyReply, FastifyRequest } from 'fastify';
import { headerValues } from './raw-headers.js';
import type { HeaderMap } from './response-headers.js';

/** CORS, as the contract has it. */
const ALLOWED_HEADERS = 'authorization, content-type, x-user-id, x-request-id';
const EXPOSED_HEADERS = 'X-Request-Id, Retry-After, WWW-Authenticate';
const MAX_AGE_SECONDS = '600';

/** Whether it is a browser's question before a request (Fetch standard, CORS-preflight). */
export function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

/**
 * Lets a page of exactly one of these origins read the answer; for any other origin nothing is said.
 * Gives whether the origin is one of them.
 */
export function allowOrigin(request: FastifyRequest, reply: FastifyReply, origins: ReadonlySet<string>): boolean {
  const { origin } = request.headers;
  if (origin === undefined || !origins.has(origin)) return false;
  reply.headers(readableBy(origin));
  return true;
}

/** The same for an answer to what never became a request: the headers that it takes, which may be none. */
export function originHeaders(rawHeaders: readonly string[], origins: ReadonlySet<string>): HeaderMap {
  const [origin, ...more] = headerValues(rawHeaders, 'origin');
  return origin !== undefined && more.length === 0 && origins.has(origin) ? readableBy(origin) : {};
}

function readableBy(origin: string): HeaderMap {
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': EXPOSED_HEADERS,
    vary: 'Origin',
  };
}

/** Answers a preflight; `allowed` is what `allowOrigin` said, `methods` are those of the path. */
export function answerPreflight(reply: FastifyReply, allowed: boolean, methods: readonly string[]): void {
  if (allowed) {
    reply.removeHeader('access-control-expose-headers').headers({
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': ALLOWED_HEADERS,
      'access-control-max-age': MAX_AGE_SECONDS,
    });
  }
  reply.code(204).send();
}
