import { randomInt } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Problem, problemBody } from '../common/problem.js';
import { toProblem } from '../common/to-problem.js';
import { standardHeaders } from './response-headers.js';
import { isHttps } from './source-address.js';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';
const CHALLENGE = 'Bearer realm="postern"';
const logger = new Logger('Http');

/** The headers of a problem besides those of every answer, in lower case. */
export function problemHeaders(problem: Problem): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': PROBLEM_TYPE };
  const wait = retryAfter(problem);
  if (problem.status === 401) headers['www-authenticate'] = CHALLENGE;
  if (wait !== undefined) headers['retry-after'] = String(wait);
  if (problem.status === 408) headers['connection'] = 'close';
  if (problem.status === 405) headers['allow'] = (problem.options.allow ?? []).join(', ');
  return headers;
}

/**
 * Seconds, always given with 429 and with a 503 that may be repeated: a minute, and 2 to 5 s so that not
 * everybody comes back at once, where the problem says nothing.
 */
function retryAfter({ code, options }: Problem): number | undefined {
  if (code === 'outcome_unknown') return undefined;
  if (options.retryAfterSeconds !== undefined) return Math.max(1, Math.ceil(options.retryAfterSeconds));
  if (code === 'rate_limited') return 60;
  return code === 'unavailable' || code === 'overloaded' ? randomInt(2, 6) : undefined;
}

/** Answers with a problem; what the handler may have set for its own answer, cookies too, is taken back. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const { request } = reply;
  reply.removeHeader('set-cookie').removeHeader('clear-site-data');
  return reply
    .headers(standardHeaders(isHttps(request)))
    .headers({ 'x-request-id': request.id, ...problemHeaders(problem) })
    .code(problem.status)
    .send(JSON.stringify(problemBody(problem, request.id)));
}

/**
 * Answers with whatever was thrown while the request was served: every way out of the service ends here.
 * The cause of a 5xx goes to the log, whose serializer knows what of it may, and never into the body; `overloaded`
 * has none, and comes by the thousand.
 */
export function answerError(error: unknown, reply: FastifyReply): void {
  const problem = toProblem(error);
  const label = `${problem.status} ${problem.code}, request ${reply.request.id}`;
  if (problem.status === 500) logger.error({ err: problem.cause ?? problem, msg: label });
  else if (problem.status > 500 && problem.code !== 'overloaded')
    logger.warn({ err: problem.cause ?? problem, msg: label });
  if (reply.sent || reply.raw.headersSent) return;
  sendProblem(reply, problem);
}
