import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Problem, problemBody } from '../common/problem.js';
import type { RawSender } from './raw-head.js';
import { standardHeaders, type HeaderMap } from './response-headers.js';
import { problemHeaders } from './send-problem.js';

/** How long a client may take to read a refusal before its connection is cut, in ms. */
const LINGER_MS = 2000;

interface Answered extends Pick<RawSender, 'requestId' | 'https'> {
  /** Of `originHeaders`. */
  readonly cors: HeaderMap;
}

/**
 * A problem as bytes, for what never becomes a request: the HTTP parser refused it, or it asked for CONNECT.
 * The connection ends with it.
 */
function rawProblem(problem: Problem, { requestId, https, cors }: Answered): string {
  const body = JSON.stringify(problemBody(problem, requestId));
  const headers: Record<string, string> = {
    ...standardHeaders(https),
    ...cors,
    'x-request-id': requestId,
    ...problemHeaders(problem),
    'content-length': String(Buffer.byteLength(body)),
    date: new Date().toUTCString(),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join('')}\r\n${body}`;
}

/**
 * Writes the problem and ends the connection. It is not cut at once: with bytes of the client unread, that
 * would reset it, and the client might never see the answer. After a time-out it is: the parser is sound, and
 * the late rest of the request must not be served.
 */
export function endWithProblem(socket: Socket, problem: Problem, sender: Answered): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(rawProblem(problem, sender));
  if (problem.code === 'request_timeout') {
    socket.destroySoon();
    return;
  }
  const cut = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(cut));
}
