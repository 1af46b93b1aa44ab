import { request as httpRequest } from 'node:http';
import { connect as connectH2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import pg from 'pg';
import { eventually } from '../support/barrier.js';
import { BehindHaproxy } from '../support/behind-haproxy.js';
import type { TokenLogin } from '../support/client.js';
import { FIRST_ADMIN } from '../support/first-accounts.js';
import { expectProblem, send, sendRaw } from '../support/haproxy-client.js';
import { startHaproxy } from '../support/haproxy.js';

/** Starting a process compiles the sources. */
const SLOW = 400_000;

let pair: BehindHaproxy;

beforeAll(async () => {
  pair = await BehindHaproxy.start();
}, SLOW);
afterAll(() => pair?.stop());

const HOST = 'Host: localhost\r\n';
const LOGIN = `POST /v1/auth/login HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`;
/** What would be answered with 200, were it taken for a request of its own. */
const LAST = `GET /livez HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;

async function query(text: string): Promise<{ ip: string }[]> {
  const client = new pg.Client({ connectionString: pair.database.url });
  await client.connect();
  const { rows } = await client.query<{ ip: string }>(text);
  await client.end();
  return rows;
}

describe('through HAProxy', () => {
  it('a login is honoured by both processes, without sticking to one', async () => {
    const { username, password, apitoken } = FIRST_ADMIN;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ username, password, apitoken });
    const reply = await pair.ask('/v1/auth/login', { method: 'POST', headers }, body);
    expect(reply.status).toBe(200);
    expect(reply.headers['strict-transport-security']).toBeDefined();
    expect(reply.headers['set-cookie']).toBeUndefined();
    const { userid, accesstoken } = JSON.parse(reply.text) as TokenLogin;
    const own = { 'x-user-id': userid, authorization: `Bearer ${accesstoken}` };
    for (let call = 0; call < 8; call += 1) expect((await pair.ask('/v1/users/me', { headers: own })).status).toBe(200);
    for (const { url } of pair.services) {
      expect((await fetch(`${url}/v1/auth/check`, { headers: own })).status).toBe(204);
    }
    await eventually(() => [1, 2].every((index) => pair.haproxy.log().includes(`/process-${index} `)));
  });

  it('HTTP/2 is served as well', async () => {
    const client = connectH2(pair.haproxy.url, { ca: pair.haproxy.certificate });
    const stream = client.request({ ':path': '/v1/auth/check', ...pair.credentials });
    const [headers] = await new Promise<[Record<string, unknown>]>((resolve, reject) => {
      stream.once('response', (...args) => resolve(args as never));
      stream.once('error', reject);
    });
    expect(headers[':status']).toBe(204);
    client.destroy();
  });

  it('nobody can say for himself where he comes from, by which scheme, or who he is', async () => {
    const forged = {
      forwarded: 'for=203.0.113.9;proto=http',
      'x-forwarded-for': '203.0.113.9, 203.0.113.10',
      'x-forwarded-proto': 'http',
      'x-forwarded-method': 'DELETE',
      'x-real-ip': '203.0.113.9',
      'x-auth-user-id': pair.as.userid,
      'x-auth-roles': 'admin',
    };
    const reply = await pair.ask('/v1/users/me', { headers: { ...forged, ...pair.credentials } });
    expect(reply.status).toBe(200);
    expect(reply.headers['strict-transport-security']).toBeDefined();
    expect((await pair.ask('/v1/users/me', { headers: forged })).status).toBe(401);
    const headers = { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.9' };
    const { username, password, apitoken } = FIRST_ADMIN;
    const body = JSON.stringify({ username, password, apitoken });
    expect((await pair.ask('/v1/auth/login', { method: 'POST', headers }, body)).status).toBe(200);
    expect(
      await query(`SELECT host(ip::inet) AS ip FROM audit WHERE action = 'login' ORDER BY at DESC LIMIT 1`),
    ).toEqual([{ ip: '127.0.0.1' }]);
  });

  it('nothing is served in clear, whatever a header says of the scheme', async () => {
    const { hostname, port } = new URL(pair.haproxy.clearUrl);
    const clear = (path: string, headers: Record<string, string>) =>
      send(httpRequest({ hostname, port, path, headers: { 'x-forwarded-proto': 'https', ...headers }, agent: false }));
    const refused = await clear('/v1/users/me', pair.credentials);
    expect([refused.status, refused.headers['content-type']]).toEqual([403, 'application/problem+json; charset=utf-8']);
    expect(JSON.parse(refused.text)).toMatchObject({
      status: 403,
      code: 'https_required',
      requestId: refused.headers['x-request-id'],
    });
    for (const host of ['postern.example', 'postern.example:8080', '[::1]:8080']) {
      const shown = await clear('/docs?a=%20b', { host });
      const there = `https://${host.replace(':8080', '')}:${pair.haproxy.httpsPort}/docs?a=%20b`;
      expect([shown.status, shown.headers.location]).toEqual([308, there]);
      expect(shown.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    }
  });

  it.each([
    ['//v1/users/me'],
    ['/v1//users/me'],
    ['/v1/users;x=1/me'],
    ['/v1/users%2fme'],
    ['/v1/users%2Fme'],
    ['/v1/users/%00'],
    ['/v1/users\\me'],
    ['/v1/users%5cme'],
    ['/v1/roles/../users/me'],
    ['/v1/./users/me'],
    ['/v1/%2e%2e/users/me'],
    ['/v1/users/..'],
  ])('the path %s is refused', async (path) => {
    expectProblem(await pair.ask(path, { headers: pair.credentials }), 400, 'malformed');
  });

  it('a name with two dots in it is no odd path', async () => {
    const reply = await pair.ask('/v1/areas/none/usernames/a..b', { method: 'DELETE', headers: pair.credentials });
    expectProblem(reply, 404, 'not_found');
  });

  it.each(['TRACE', 'PROPFIND', 'LOCK', 'PURGE'])('the method %s is refused', async (method) => {
    const reply = await pair.ask('/v1/users/me', { method, headers: pair.credentials });
    expectProblem(reply, 405, 'method_not_allowed');
    expect(reply.headers.allow).toContain('GET');
  });

  it('keeps the label of the caller where it is one', async () => {
    const kept = await pair.ask('//', { headers: { 'x-request-id': 'my-request-1' } });
    expect(kept.headers['x-request-id']).toBe('my-request-1');
    expectProblem(kept, 400, 'malformed');
    const replaced = await pair.ask('//', { headers: { 'x-request-id': 'bad"label' } });
    expect(replaced.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expectProblem(replaced, 400, 'malformed');
  });

  it('a header whose name could be taken for another is refused', async () => {
    expectProblem(await pair.ask('/v1/users/me', { headers: { x_user_id: pair.as.userid } }), 403, 'forbidden');
  });

  it.each([
    ['CONNECT', 'CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['no host', 'GET /v1/config HTTP/1.1\r\n\r\n'],
    ['a target of its own', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['chunks in HTTP/1.0', `POST /v1/auth/login HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ])('%s is refused with a problem', async (_what, text) => {
    const [answer] = (await sendRaw(pair.haproxy, `${text}${LAST}`)).split('\r\n\r\nHTTP/');
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer).toMatch(/content-type: application\/problem\+json/);
  });

  it.each([
    ['a target in absolute form', `GET http://evil.example/v1/config HTTP/1.1\r\n${HOST}\r\n`],
    ['two hosts', `GET /v1/config HTTP/1.1\r\n${HOST}Host: evil.example\r\n\r\n`],
    ['two lengths', `${LOGIN}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ['another coding', `${LOGIN}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['a coding that is none', `${LOGIN}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ['a bare CR', `GET /v1/config HTTP/1.1\r\n${HOST}X-A: b\rX-Auth-User-Id: c\r\n\r\n`],
    ['NUL in the path', `GET /v1/\0config HTTP/1.1\r\n${HOST}\r\n`],
    ['a space before the colon', `GET /v1/config HTTP/1.1\r\n${HOST}X-User-Id : a\r\n\r\n`],
    ['a header without a name', `GET /v1/config HTTP/1.1\r\n${HOST}: a\r\n\r\n`],
  ])('%s is refused by the parser of HAProxy, which ends the connection', async (_what, text) => {
    const received = await sendRaw(pair.haproxy, `${text}${LAST}`);
    expect(received).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it('NUL in a header is refused: by the service, or by HAProxy of a later version', async () => {
    expect(await sendRaw(pair.haproxy, `GET /v1/config HTTP/1.1\r\n${HOST}X-A: b\0c\r\n\r\n${LAST}`)).toMatch(
      /^HTTP\/1\.1 400 /,
    );
  });

  it('a length beside chunks hides no second request: HAProxy drops it and ends the connection', async () => {
    // As RFC 9112 section 6.3 allows; no rule gets to see the length.
    const received = await sendRaw(
      pair.haproxy,
      `${LOGIN}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${LAST}`,
    );
    expect(received).toMatch(/^HTTP\/1\.1 422 /);
    expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it('a folded header is one header, and what is folded into it is none', async () => {
    const text = `GET /v1/auth/check HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n X-User-Id: ${pair.as.userid}\r\nConnection: close\r\n\r\n`;
    expect(await sendRaw(pair.haproxy, text)).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('a source that asks too often is told to wait, and nobody else', async () => {
    const strict = await startHaproxy({
      processes: pair.addresses,
      requestsPerSource: 3,
    });
    const { hostname, port } = new URL(strict.url);
    const call = (localAddress: string) =>
      send(httpsRequest({ hostname, port, path: '/livez', ca: strict.certificate, agent: false, localAddress }));
    const statuses = [];
    for (let calls = 0; calls < 5; calls += 1) statuses.push((await call('127.0.0.1')).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    const refused = await call('127.0.0.1');
    expectProblem(refused, 429, 'rate_limited');
    expect(refused.headers['retry-after']).toBe('60');
    expect((await call('127.0.0.2')).status).toBe(200);
    await strict.stop();
  });

  it('a source that holds too many connections, silent ones too, gets no more, and others do', async () => {
    const strict = await startHaproxy({ processes: pair.addresses, connectionsPerSource: 5 });
    const open: Socket[] = [];
    for (const url of [strict.url, strict.clearUrl]) {
      const sockets = Array.from({ length: 8 }, () =>
        connect({ host: '127.0.0.1', port: Number(new URL(url).port), localAddress: '127.0.0.3' }).on(
          'error',
          () => {},
        ),
      );
      open.push(...sockets);
      await eventually(() => sockets.filter(({ closed }) => closed).length === (url === strict.url ? 3 : 8));
    }
    const { hostname, port } = new URL(strict.url);
    const call = httpsRequest({ hostname, port, path: '/livez', ca: strict.certificate, agent: false });
    expect((await send(call)).status).toBe(200);
    for (const socket of open) socket.destroy();
    await strict.stop();
  });

  it('logs neither path nor query', async () => {
    const seen = pair.haproxy.log().length;
    await pair.ask('/v1/config?secret=canary-of-the-query');
    await eventually(() => / GET \d{3} /.test(pair.haproxy.log().slice(seen)));
    expect(pair.haproxy.log()).not.toMatch(/canary|v1/);
  });
});
