import type { BlockList } from 'node:net';
import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { Problem } from '../common/problem.js';
import { allowOrigin, answerPreflight, isPreflight } from './cors.js';
import { clientInfo } from './client-info.js';
import {
  endLeaked,
  findCredentials,
  type FoundCredentials,
  type LeakedCredentialHandler,
} from './credentials-in-url.js';
import type { RawHead, RawSender } from './raw-head.js';
import { faultOf } from './request-target.js';
import { writeHeaders, type HeaderOverride } from './response-headers.js';
import type { RouteTable } from './route-table.js';
import { sendProblem } from './send-problem.js';
import { isHttps } from './source-address.js';

/** RFC 9110 section 7.2: a name, an IPv4 address or an IPv6 one in brackets, and perhaps a port. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::\d{0,5})?$/;

/** A refusal of what never became a request. */
export type RawRefusal = Pick<RawHead, 'method'> & Pick<RawSender, 'requestId' | 'ip'> & { readonly status: number };

/** What the front door needs to know; handlers and overrides may be set until the server listens. */
export interface FrontDoor {
  readonly routes: RouteTable;
  readonly webOrigins: ReadonlySet<string>;
  readonly overrides: HeaderOverride[];
  /** Those of `TRUST_PROXY`. */
  readonly proxies: BlockList;
  leakedCredentials?: LeakedCredentialHandler;
  /** Told of each refusal that no hook of Fastify sees. */
  onRawRefusal?: (refusal: RawRefusal) => void;
}

/**
 * The first hook of every request. It notes when it came, puts the standard headers on the answer and refuses, in the contract's
 * order: what the parser let through (`Host`, `Expect`), a malformed URL, credentials in the URL, a path or
 * method that does not exist. It answers preflights. What passes has a route.
 */
export function frontDoor(door: FrontDoor): onRequestHookHandler {
  return (request, reply, done) => {
    request.arrivedAt = performance.now();
    // Read once while the client is there, Node remembers it: afterwards a gone client has no address.
    void request.socket.remoteAddress;
    writeHeaders(reply, request.id, isHttps(request), door.overrides);
    const allowed = allowOrigin(request, reply, door.webOrigins);
    const target = targetOf(request);
    const problem = parserProblem(request, target);
    if (problem !== null) return void sendProblem(reply, problem);
    const found = findCredentials(target, request.raw.rawHeaders);
    if (found !== null) return void refuseCredentials(door, found, request, reply);
    const isFound = !request.is404 && !target.includes('#') && request.method !== 'OPTIONS';
    if (isFound && !door.routes.isAmbiguous(request.routeOptions.url!)) return done();
    const methods = door.routes.of(target);
    if (isFound && methods.includes(request.method)) return done();
    if (methods.length === 0) sendProblem(reply, new Problem('not_found'));
    else if (isPreflight(request)) answerPreflight(reply, allowed, methods);
    else sendProblem(reply, new Problem('method_not_allowed', { allow: methods }));
  };
}

/** The request target as it was sent: the router is given another one where it is malformed. */
function targetOf({ raw }: FastifyRequest): string {
  return (raw as { originalUrl?: string }).originalUrl ?? raw.url!;
}

/** What Node's parser lets through, and a URL that is none. */
function parserProblem({ raw }: FastifyRequest, target: string): Problem | null {
  const { headers, rawHeaders, method } = raw;
  const fault = faultOf(target);
  if (fault === 'uri_too_long') return new Problem(fault);
  if (countHosts(rawHeaders) !== 1 || !HOST.test(headers.host!)) return malformed('Exactly one Host is needed.');
  if (!isPlainlyFramed(raw)) return malformed('The only transfer coding is chunked.');
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    return new Problem('expectation_failed');
  }
  return fault !== null || (target === '*' && method !== 'OPTIONS') ? malformed('The URL is malformed.') : null;
}

function malformed(detail: string): Problem {
  return new Problem('malformed', { detail });
}

/** No coding beside chunked, and none in HTTP/1.0, which has not got them: where two read a body differently,
 * a second request can be smuggled (RFC 9112, sections 6.1 and 11.2). */
function isPlainlyFramed({ headers, httpVersion }: FastifyRequest['raw']): boolean {
  const coding = headers['transfer-encoding'];
  return coding === undefined || (coding.toLowerCase() === 'chunked' && httpVersion === '1.1');
}

function countHosts(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts;
}

async function refuseCredentials(
  { leakedCredentials }: FrontDoor,
  found: FoundCredentials,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  await endLeaked(leakedCredentials, found, () => clientInfo(request));
  sendProblem(reply, new Problem('credentials_in_url'));
}
