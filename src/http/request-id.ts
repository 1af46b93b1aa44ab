import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const CALLERS_OWN = /^[A-Za-z0-9-]{8,64}$/;

/**
 * The id of a request: the caller's `X-Request-Id` where it has the contract's shape, else a fresh UUID.
 * It is a label for logs and answers; nothing may be keyed by it.
 */
export function requestIdOf(headers: IncomingHttpHeaders = {}): string {
  const own = headers['x-request-id'];
  return typeof own === 'string' && CALLERS_OWN.test(own) ? own : randomUUID();
}
