import { isNativeError } from 'node:util/types';
import { HttpException } from '@nestjs/common';
import { Problem, type ProblemCode } from './problem.js';

/** What another's error of that status means in the contract's words. */
const BY_STATUS: Readonly<Record<number, ProblemCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  408: 'request_timeout',
  413: 'payload_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
  417: 'expectation_failed',
  422: 'invalid_request',
  429: 'rate_limited',
  431: 'headers_too_large',
  503: 'unavailable',
};

/**
 * SQLSTATEs that mean "not now": 08 connection, 28 refused at login, 40 rolled back for another, 53 out of
 * resources, 57 shutting down or cancelled by a time-out, 58 disk; 25006 is a standby, 55000 a database that
 * takes no connections, 55P03 a lock that was not had in time, 3D000 a database that is not there; 26000 and 0A000 a
 * prepared statement that is gone or stale, whose connection ends with it (PostgreSQL, appendix A).
 */
const SQLSTATE_NOT_NOW = /^(?:(?:08|28|40|53|57|58)[0-9A-Z]{3}|25006|55000|55P03|3D000|26000|0A000)$/;

const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EMFILE',
]);

/** node-redis, by class: it gives them no code. */
const REDIS_CLASSES = new Set([
  'ConnectionTimeoutError',
  'SocketTimeoutError',
  'ClientClosedError',
  'ClientOfflineError',
  'DisconnectsClientError',
  'SocketClosedUnexpectedlyError',
  'RootNodesUnavailableError',
  'ReconnectStrategyError',
  'MaxCommandRedirectionsError',
  'TimeoutError',
  'SocketTimeoutDuringMaintenanceError',
  'CommandTimeoutDuringMaintenanceError',
]);

/** A Redis that answers, but is not fit to be asked. */
const REDIS_REPLY =
  /^(?:LOADING|READONLY|MISCONF|OOM|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|TRYAGAIN|BUSY|NOAUTH|WRONGPASS|NOPERM|MOVED|ASK) /;

/** node-postgres says these by message alone. */
const PG_MESSAGE =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client was closed|Client has encountered a connection error|Cannot use a pool after calling end)/;

/** What was thrown, in the contract's words; whatever is not known is `internal_error`, with the cause kept. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status = statusOf(error);
  if (status !== null) return new Problem(codeOf(status), { cause: error });
  return new Problem(isDependencyAway(error) ? 'unavailable' : 'internal_error', { cause: error });
}

function codeOf(status: number): ProblemCode {
  return BY_STATUS[status] ?? (status < 500 ? 'malformed' : 'internal_error');
}

/** The status of Nest's, Fastify's and http-errors' errors; nobody else's `statusCode` is believed. */
function statusOf(error: unknown): number | null {
  if (error instanceof HttpException) return error.getStatus();
  if (!isNativeError(error)) return null;
  const { name, statusCode, expose } = error as Error & { statusCode?: unknown; expose?: unknown };
  const known = name === 'FastifyError' || typeof expose === 'boolean';
  return known && typeof statusCode === 'number' ? statusCode : null;
}

/** Whether Postgres or Redis is away, starting, stopping, read-only or full, wherever in the chain it says so. */
export function isDependencyAway(error: unknown, depth = 0): boolean {
  if (!isNativeError(error) || depth > 5) return false;
  if (saysAway(error)) return true;
  const { driverError, cause, errors } = error as Error & Record<'driverError' | 'cause' | 'errors', unknown>;
  const inner = [driverError, cause, ...(Array.isArray(errors) ? (errors as unknown[]).slice(0, 5) : [])];
  return inner.some((next) => next !== error && isDependencyAway(next, depth + 1));
}

function saysAway(error: Error & { code?: unknown }): boolean {
  const { code, message } = error;
  if (typeof code === 'string' && (SOCKET_CODES.has(code) || SQLSTATE_NOT_NOW.test(code))) return true;
  return REDIS_CLASSES.has(error.constructor.name) || REDIS_REPLY.test(message) || PG_MESSAGE.test(message);
}
