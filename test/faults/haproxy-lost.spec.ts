import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect as connectH2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { eventually } from '../support/barrier.js';
import { expectProblem, send, type Reply } from '../support/haproxy-client.js';
import { startHaproxy, type Haproxy } from '../support/haproxy.js';

let server: Server;
let haproxy: Haproxy;

/** What has arrived behind the proxy, health checks apart. */
const arrived: { method: string; label: string }[] = [];
/** How many of them have begun to arrive. */
let begun = 0;

beforeAll(async () => {
  server = createServer((request, response) => void serve(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  haproxy = await startHaproxy({ processes: [address, address] });
}, 60_000);
afterAll(async () => {
  await haproxy.stop();
  server.closeAllConnections();
  server.close();
});
beforeEach(async () => {
  // A stall in which a health check went unanswered takes both out for a moment.
  await eventually(async () => (await overHttp1('GET', '/readyz')).status === 200);
  arrived.splice(0);
  begun = 0;
});

/** Takes every request whole and ends its connection without a word; one that is asked again is answered. */
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/readyz') return void response.end();
  if (request.url === '/v1/large') return void response.writeHead(413).end('too large');
  begun += 1;
  await text(request);
  const [method, label] = [request.method!, String(request.headers['x-request-id'])];
  const again = arrived.some((other) => other.label === label);
  arrived.push({ method, label });
  if (request.url === '/v1/silent') return;
  if (again) response.end('again');
  else request.socket.destroy();
}

/** The first request of a connection: of a later one HTTP/1.1 has its connection ended instead. */
function overHttp1(method: string, path = '/v1/things'): Promise<Reply> {
  const { certificate: ca, httpsPort: port } = haproxy;
  return send(httpsRequest({ host: '127.0.0.1', port, path, method, ca, agent: false }));
}

async function overHttp2(method: string, path = '/v1/things'): Promise<Reply> {
  const client = connectH2(haproxy.url, { ca: haproxy.certificate });
  const stream = client.request({ ':method': method, ':path': path }, { endStream: true });
  const [headers] = (await once(stream, 'response')) as [Reply['headers'] & { ':status': number }];
  const reply = { status: headers[':status'], headers, text: await text(stream) };
  client.destroy();
  return reply;
}

/** What HAProxy gives up after 5 s must not last much longer; how long beyond that a machine is busy is its own affair. */
const AT_ALL_MS = 15_000;

const VERSIONS = [
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
] as const;
const CHANGES = ['POST', 'PUT', 'PATCH', 'DELETE'];
const methods = () => arrived.map(({ method }) => method);

function expectUnknown(reply: Reply): void {
  expectProblem(reply, 503, 'outcome_unknown');
  expect(reply.headers['retry-after']).toBeUndefined();
}

describe('an answer that was lost', () => {
  it.each(CHANGES)('to %s is unknown: nobody is told to repeat it', async (method) => {
    expectUnknown(await overHttp1(method));
    expect(methods()).toEqual([method]);
  });

  it.each(CHANGES)('to %s over HTTP/2 is unknown too, or none, and HAProxy asks nobody again', async (method) => {
    const reply = await overHttp2(method).catch((error: Error) => error);
    // HAProxy 2.6 ends the stream, 3.0 answers.
    if ('status' in reply) expectUnknown(reply);
    else expect(reply.message).toContain('NGHTTP2_REFUSED_STREAM');
    expect(methods()).toEqual([method]);
  });

  it.each(VERSIONS)('to GET over %s is asked for again', async (_version, ask) => {
    const reply = await ask('GET');
    expect([reply.status, reply.text]).toEqual([200, 'again']);
    expect(methods()).toEqual(['GET', 'GET']);
  });
});

describe.each(VERSIONS)('an answer that does not come, over %s,', (_version, ask) => {
  it.each([
    ['GET', 'unavailable', '1'],
    ['POST', 'outcome_unknown', undefined],
  ])('is given to %s after 5 s: %s', async (method, code, retryAfter) => {
    const started = performance.now();
    const reply = await ask(method, '/v1/silent');
    expectProblem(reply, 503, code);
    expect(reply.headers['retry-after']).toBe(retryAfter);
    expect(performance.now() - started).toBeLessThan(AT_ALL_MS);
    expect(methods()).toEqual([method]);
  });
});

describe('a request that comes byte by byte', () => {
  const HEAD = 'POST /v1/things HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

  it.each([
    ['with a body of a known length', `${HEAD}Content-Length: 200\r\n\r\n`, 'a'],
    ['with a body in chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, '1\r\na\r\n'],
  ])('%s is given up after 5 s, and the service never hears of it', async (_what, head, piece) => {
    const started = performance.now();
    const answer = await trickle(head, piece);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toMatch(/content-type: application\/problem\+json/);
    const [, label] = /^x-request-id: (\S+)\r$/m.exec(answer)!;
    expect(answer).toContain(`"code":"request_timeout","requestId":"${label}"`);
    expect(performance.now() - started).toBeLessThan(AT_ALL_MS);
    expect(begun).toBe(0);
  });

  it('is given up in its headers, by the parser of HAProxy', async () => {
    const started = performance.now();
    expect(await trickle(`${HEAD}X-Long: `, 'a')).toMatch(/^HTTP\/1\.1 408 /);
    expect(performance.now() - started).toBeLessThan(AT_ALL_MS);
    expect(begun).toBe(0);
  });

  it('is given up over HTTP/2 as well', async () => {
    const client = connectH2(haproxy.url, { ca: haproxy.certificate });
    const stream = client.request({ ':method': 'POST', ':path': '/v1/things' });
    const pieces = setInterval(() => stream.write('a'), 100);
    const [headers] = (await once(stream, 'response')) as [Reply['headers'] & { ':status': number }];
    clearInterval(pieces);
    expectProblem({ status: headers[':status'], headers, text: await text(stream) }, 408, 'request_timeout');
    client.destroy();
    expect(begun).toBe(0);
  });

  it('and is too large to be held is passed on, for the service to refuse it', async () => {
    const { certificate: ca, httpsPort: port } = haproxy;
    const call = httpsRequest({ host: '127.0.0.1', port, path: '/v1/large', method: 'POST', ca, agent: false });
    const reply = await send(call, 'a'.repeat(100_000));
    expect([reply.status, reply.text]).toEqual([413, 'too large']);
  });
});

/** Sends the head, then a piece ten times a second, until a problem or the end of the connection comes; gives what came. */
async function trickle(head: string, piece: string): Promise<string> {
  const { certificate: ca, httpsPort: port } = haproxy;
  const socket = connectTls({ port, host: '127.0.0.1', ca, ALPNProtocols: ['http/1.1'] });
  await once(socket, 'secureConnect');
  socket.write(head);
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString();
    // HAProxy 2.6 ends the connection, 3.0 goes on reading.
    if (received.endsWith('}')) socket.destroy();
  });
  // A piece may still be on its way when the connection is ended, and is then refused.
  socket.on('error', () => undefined);
  const pieces = setInterval(() => socket.write(piece), 100);
  socket.once('end', () => clearInterval(pieces));
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(pieces);
  return received;
}
