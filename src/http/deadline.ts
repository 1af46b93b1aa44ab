import type { FastifyInstance, FastifyReply } from 'fastify';
import { Problem } from '../common/problem.js';
import { OpenReplies } from './open-replies.js';
import { isSafe } from './own-page.js';
import { answerError } from './send-problem.js';

/**
 * When a request is given up, in ms: the contract wants an answer within 5 s, and the last word takes a moment
 * on a busy machine.
 */
const ANSWER_WITHIN_MS = 4_700;
const LOOK_MS = 100;

declare module 'fastify' {
  interface FastifyReply {
    /** Of `OpenReplies`. */
    openAt: number;
  }
}

/**
 * Answers every request that is not answered in time; a route that waits out a lease has that much more
 * (`@WaitsOneLease()`). One look at all that are open, ten times a second: Fastify's own `handlerTimeout` makes a timer,
 * an AbortController and a listener for each request, which is a tenth of what a guarded call costs. An answer that has
 * begun goes on for as long as its reader likes: only silence ends it, as it ends every connection (server.ts).
 */
export function keepDeadlines(instance: FastifyInstance, leaseMs: number): void {
  const open = new OpenReplies<FastifyReply>();
  instance.decorateReply('openAt', -1);
  instance.addHook('onRequest', (_request, reply, done) => {
    open.add(reply);
    done();
  });
  instance.addHook('onResponse', (_request, reply, done) => {
    open.remove(reply);
    done();
  });
  instance.addHook('onListen', (done) => {
    const timer = setInterval(() => look(open, leaseMs), LOOK_MS).unref();
    instance.server.once('close', () => clearInterval(timer));
    done();
  });
}

function look(open: OpenReplies<FastifyReply>, leaseMs: number): void {
  const now = performance.now();
  for (const reply of open) {
    const age = now - reply.request.arrivedAt;
    // Fastify makes an object to tell of the route: asked only where it may matter.
    if (age < ANSWER_WITHIN_MS || age < ANSWER_WITHIN_MS + extraMs(reply, leaseMs)) continue;
    // Nobody is told when an answer ends with its connection and not by itself.
    open.remove(reply);
    if (!reply.raw.headersSent) answerError(overdue(reply), reply);
  }
}

function extraMs({ request }: FastifyReply, leaseMs: number): number {
  return (request.routeOptions.config as { waitsOneLease?: boolean } | undefined)?.waitsOneLease ? leaseMs : 0;
}

/** 408 while the body is still on its way, for a change `outcome_unknown` (it may yet happen), else `unavailable`. */
function overdue({ request }: FastifyReply): Problem {
  const cause = new Error('the time of this request is up');
  if (!request.raw.complete) return new Problem('request_timeout', { cause });
  return new Problem(isSafe(request.method) ? 'unavailable' : 'outcome_unknown', { cause });
}
