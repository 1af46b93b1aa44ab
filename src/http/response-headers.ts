import type { FastifyReply } from 'fastify';

/** What every answer carries (contract), problems and refusals of the parser included. */
const EVERY_ANSWER = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

/** A year, in seconds: RFC 6797, and what preload lists ask for. */
const OVER_HTTPS = { ...EVERY_ANSWER, 'strict-transport-security': 'max-age=31536000; includeSubDomains' } as const;

export type HeaderMap = Readonly<Record<string, string>>;

/** The headers of every answer over that scheme, without the request id. */
export function standardHeaders(https: boolean): HeaderMap {
  return https ? OVER_HTTPS : EVERY_ANSWER;
}

/** Other headers for some paths: the pages and /docs bring their own content security policy. */
export interface HeaderOverride {
  /** Told the raw path of a request that a route matched; true where `headers` hold. */
  readonly matches: (path: string) => boolean;
  /** Lower-case names; each replaces the standard one. A problem always has the standard ones. */
  readonly headers: HeaderMap;
}

/** Puts the standard headers on an answer, and those of the first override that matches a routed path. */
export function writeHeaders(
  reply: FastifyReply,
  requestId: string,
  https: boolean,
  overrides: readonly HeaderOverride[] = [],
): void {
  reply.headers(standardHeaders(https)).header('x-request-id', requestId);
  if (overrides.length === 0 || reply.request.is404) return;
  const path = reply.request.raw.url!.split('?', 1)[0]!;
  const override = overrides.find(({ matches }) => matches(path));
  if (override) reply.headers(override.headers);
}
