import { createServer as createHttpServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import { Problem } from '../common/problem.js';
import { originHeaders } from './cors.js';
import { endLeaked, findCredentials, type FoundCredentials } from './credentials-in-url.js';
import type { FrontDoor } from './front-door.js';
import { BODY_LIMIT } from './json-body.js';
import { endWithProblem } from './raw-answer.js';
import { headOf, senderOf, type RawHead } from './raw-head.js';
import { faultOf, MAX_TARGET_LENGTH } from './request-target.js';

/**
 * Times in ms, sizes in bytes. Headers must be there within 10 s and the whole request within
 * 15 s; a silent connection is cut after 20 s; between requests it is kept for 72 s, longer than a proxy keeps
 * it, so that the proxy never writes into a closing one. Node looks for late requests only at intervals.
 */
const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 72_000,
  connectionsCheckingInterval: 1_000,
} as const;
const SILENCE_MS = 20_000;

/** The last answer of each open connection, begun or finished. */
type LastAnswers = Map<Duplex, ServerResponse>;
const answersOf = new WeakMap<Server, LastAnswers>();

/** A parser error, as Node gives it to `clientError`. */
interface ParserError extends Error {
  readonly code?: string;
  readonly bytesParsed?: number;
  readonly rawPacket?: Buffer;
}

/** What is refused before there is a request: why, what of it is known, and secrets in its URL, which count first. */
interface Refusal {
  readonly problem: Problem;
  readonly found: FoundCredentials | null;
  readonly head: RawHead;
}

/**
 * An HTTP server that answers everything with the contract's problems, also what Node would refuse by itself.
 * `Host` is not checked here but by `frontDoor`, which can answer properly, and so is an unknown `Expect`.
 */
export function createServer(handler: RequestListener, door: () => FrontDoor): Server {
  const server = createHttpServer({ ...LIMITS, requireHostHeader: false, insecureHTTPParser: false }, handler);
  server.setTimeout(SILENCE_MS);
  const lastAnswers: LastAnswers = new Map();
  answersOf.set(server, lastAnswers);
  const refused = new WeakSet<Duplex>();

  server.on('connection', (socket) => socket.once('close', () => lastAnswers.delete(socket)));
  server.prependListener('request', (request, response) => lastAnswers.set(request.socket, response));
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('checkContinue', (request, response) => {
    if (!(Number(request.headers['content-length']) > BODY_LIMIT)) response.writeContinue();
    server.emit('request', request, response);
  });
  server.on('connect', (request, socket) => {
    socket.on('error', () => socket.destroy());
    const { method = null, rawHeaders, url = '' } = request;
    const found = findCredentials(url, rawHeaders);
    const problem = new Problem('method_not_allowed', { allow: door().routes.all() });
    void refuse(socket, { problem, found, head: { method, rawHeaders } }, door());
  });
  server.on('clientError', (error: ParserError, socket) => {
    if (refused.has(socket)) return;
    refused.add(socket);
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else afterRunning(lastAnswers.get(socket), socket, refusalOf(error, door()), door());
  });
  return server;
}

/**
 * Lets every connection end with the answer that is under way on it, for a server that is about to close: else
 * a client that keeps its connection would keep the process too.
 */
export function endConnections(server: Server): void {
  for (const [socket, answer] of answersOf.get(server) ?? []) {
    if (answer.writableFinished) continue;
    if (answer.headersSent) answer.once('finish', () => socket.end());
    else answer.setHeader('connection', 'close');
  }
}

/**
 * Refuses what follows an answer that is still under way only after that answer: written earlier, it would be
 * taken for it. Where the error is in the very body that is being answered, it is the answer.
 */
function afterRunning(running: ServerResponse | undefined, socket: Duplex, refusal: Refusal, door: FrontDoor): void {
  if (running === undefined || running.writableFinished || running.destroyed) {
    if (running !== undefined && !running.req.complete) socket.destroy();
    else void refuse(socket, refusal, door);
  } else if (running.req.complete) {
    running.once('close', () => void refuse(socket, refusal, door));
  } else if (running.headersSent) {
    socket.destroy();
  } else {
    const { method = null, rawHeaders } = running.req;
    void refuse(socket, { ...refusal, head: { method, rawHeaders } }, door);
  }
}

/** Answers as every other refusal is answered, as far as it is known who asks, and ends the connection. */
async function refuse(socket: Duplex, { problem, found, head }: Refusal, door: FrontDoor): Promise<void> {
  if (!(socket instanceof Socket)) return void socket.destroy();
  const { ip, ...sender } = senderOf(socket, head, door.proxies);
  if (found !== null && ip !== null) await endLeaked(door.leakedCredentials, found, () => ({ ip, ...sender }));
  const answer = found === null ? problem : new Problem('credentials_in_url');
  endWithProblem(socket, answer, { ...sender, cors: originHeaders(head.rawHeaders, door.webOrigins) });
  door.onRawRefusal?.({ method: head.method, requestId: sender.requestId, ip, status: answer.status });
}

function refusalOf(error: ParserError, { routes }: FrontDoor): Refusal {
  const head = headOf(error.rawPacket, error.bytesParsed);
  const target = targetOf(error);
  if (target === null) return { problem: problemOf(error), found: null, head };
  const fault = faultOf(target);
  if (fault !== null) return { problem: new Problem(fault), found: null, head };
  const allow = routes.of(target);
  const problem = allow.length > 0 ? new Problem('method_not_allowed', { allow }) : new Problem('not_found');
  return { problem, found: findCredentials(target, head.rawHeaders), head };
}

/** What the parser's error means. */
function problemOf(error: ParserError): Problem {
  const cause = { cause: error };
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request_timeout', cause);
    case 'HPE_HEADER_OVERFLOW':
      return new Problem(isTargetTooLong(error) ? 'uri_too_long' : 'headers_too_large', cause);
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new Problem('payload_too_large', cause);
    default:
      return new Problem('malformed', cause);
  }
}

/** The line in which the parser stopped. */
function lineOf({ rawPacket, bytesParsed = 0 }: ParserError): string {
  if (rawPacket === undefined) return '';
  const start = rawPacket.lastIndexOf('\n', Math.max(0, bytesParsed - 1)) + 1;
  const end = rawPacket.indexOf('\n', start);
  return rawPacket.toString('latin1', start, end === -1 ? rawPacket.length : end);
}

function isTargetTooLong(error: ParserError): boolean {
  const target = /^[A-Z-]{3,20} (\S*)/.exec(error.rawPacket?.toString('latin1') ?? '')?.[1];
  return target !== undefined && target.length > MAX_TARGET_LENGTH;
}

/** Where a well-formed request line has a method that nobody knows (or only RTSP), its target. */
function targetOf(error: ParserError): string | null {
  if (error.code !== 'HPE_INVALID_METHOD' && error.code !== 'HPE_INVALID_CONSTANT') return null;
  const line = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256} ((?:\/|https?:\/\/)\S*) HTTP\/1\.[01]\r?$/;
  return line.exec(lineOf(error))?.[1] ?? null;
}
