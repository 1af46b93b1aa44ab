import type { Logger } from 'pino';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../access/principal.js';
import { onRawRefusal } from '../configure-app.js';
import { sourceAddress } from '../http/source-address.js';

/** A call that took longer is worth a line though it succeeded, in ms. */
const SLOW_MS = 1000;

/** Asked all the time; what changes their answer is logged where it happens. */
const PROBES = new Set(['/livez', '/readyz']);

/**
 * One line per answered request. At `info` a successful GET or HEAD writes none, slow ones apart: they are nearly all
 * of the traffic. The route is logged and never the URL, which may hold what is nobody's business.
 */
export function logRequests(app: NestFastifyApplication, logger: Logger): void {
  const log = logger.child({ context: 'Request' });
  onRawRefusal(app, ({ method, requestId, status, ip }) => {
    log.info({ requestId, method, route: null, status, ip }, `${method ?? '?'} ${status}`);
  });
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onResponse', (request, reply, done) => {
      const level = levelOf(request, reply);
      if (log.isLevelEnabled(level)) log[level](lineOf(request, reply), `${request.method} ${reply.statusCode}`);
      done();
    });
}

/** What is said of nearly every call is decided first, before its route is asked for: Fastify describes that anew each time. */
function levelOf(request: FastifyRequest, { statusCode, elapsedTime }: FastifyReply): 'debug' | 'info' | 'warn' {
  const { method } = request;
  if (statusCode < 400 && (method === 'GET' || method === 'HEAD') && elapsedTime < SLOW_MS) return 'debug';
  if (PROBES.has(request.routeOptions.url ?? '')) return 'debug';
  return statusCode >= 500 ? 'warn' : 'info';
}

function lineOf(request: FastifyRequest, reply: FastifyReply): object {
  const { principal } = request as { principal?: Principal };
  return {
    requestId: request.id,
    method: request.method,
    route: request.routeOptions.url ?? null,
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    ip: addressOf(request),
    userid: principal?.userid,
    mode: principal?.mode,
  };
}

function addressOf(request: FastifyRequest): string | null {
  try {
    return sourceAddress(request);
  } catch {
    return null;
  }
}
