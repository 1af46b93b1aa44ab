import type { FastifyRequest } from 'fastify';

/** Methods that change nothing (RFC 9110 section 9.2.1), as far as the contract has them. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** How proxies name the method of the request that they ask about. */
const FORWARDED_METHOD = ['x-forwarded-method', 'x-original-method'];

export function isSafe(method: string): boolean {
  return SAFE.has(method);
}

/**
 * Whether a request that a browser gave a cookie to was meant by its user: sent by a page of the service itself or by
 * the user's own hand (Fetch Metadata), or by a page of a listed origin on the same site. Browsers older than Fetch
 * Metadata say `Origin` alone; what says neither passes nowhere (contract, CSRF).
 */
export function isOwnPage({ headers }: FastifyRequest, origins: ReadonlySet<string>): boolean {
  const { 'sec-fetch-site': site, origin } = headers;
  if (site === 'same-origin' || site === 'none') return true;
  return (site === undefined || site === 'same-site') && origin !== undefined && origins.has(origin);
}

/**
 * Whether a browser says that a page of others has sent the request, whatever its method: browsers add Basic
 * credentials by themselves. What says nothing is no browser (contract, Basic).
 */
export function isForeignPage({ headers }: FastifyRequest, origins: ReadonlySet<string>): boolean {
  const { 'sec-fetch-site': site, origin } = headers;
  if (origin !== undefined && !origins.has(origin)) return true;
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  return site !== 'same-site' || origin === undefined;
}

/** True where the request is asked on behalf of one whose method, by either header, may change something. */
export function asksForChange({ headers }: FastifyRequest): boolean {
  return FORWARDED_METHOD.some((name) => {
    const method = headers[name];
    return method !== undefined && !isSafe(String(method));
  });
}
