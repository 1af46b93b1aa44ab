import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:tls';
import type { Haproxy } from './haproxy.js';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends a request and gives the whole answer. */
export function send(call: ClientRequest, body?: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    call.once('error', reject);
    call.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks).toString() }),
      );
    });
    call.end(body);
  });
}

/** Sends bytes as they are over TLS and gives all that came until the other side ended the connection. */
export function sendRaw({ httpsPort: port, certificate: ca }: Haproxy, text: string): Promise<string> {
  return new Promise((resolve) => {
    const options = { port, host: '127.0.0.1', ca, ALPNProtocols: ['http/1.1'] };
    const socket = connect(options, () => socket.write(text, 'latin1'));
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received));
  });
}

/** The proxy words its problems as the service does. */
export function expectProblem(reply: Reply, status: number, code: string): void {
  expect([reply.status, reply.headers['content-type']]).toEqual([status, 'application/problem+json; charset=utf-8']);
  const problem = JSON.parse(reply.text) as { title: string };
  const requestId = reply.headers['x-request-id'];
  expect(problem).toEqual({ type: 'about:blank', title: problem.title, status, code, requestId });
  expect(reply.headers).toMatchObject({
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
  });
}
