import { QueryFailedError } from 'typeorm';
import { ClientClosedError, SimpleError } from 'redis';
import { Problem } from '../../src/common/problem.js';
import { answerOf, expectProblem, expectStandardHeaders, UUID } from './expect-problem.js';
import { request, sendRaw, type Answer } from './raw.js';
import { calls, failures, LARGE, lease, ORIGIN, startApp, wait, type TestApp } from './test-app.js';

const USERID = '7b5a1b9a-3c0f-4e51-9d6b-5b0c6a1f2e3d';
const TOKEN_ID = '6f1c0a4bd1f04c6e9a3f5f4e3d2c1b0a';

let test: TestApp;

beforeAll(async () => {
  test = await startApp();
});
afterAll(() => test.close());
beforeEach(() => calls.splice(0));

const send = async (path: string, init: RequestInit = {}): Promise<Answer> =>
  answerOf(await fetch(test.url + path, { redirect: 'manual', ...init }));

describe('every answer', () => {
  it('has the standard headers, on every status', async () => {
    const json = { 'content-type': 'application/json' };
    const answers = await Promise.all([
      send('/v1/things'),
      send('/v1/check'),
      send('/v1/things', { method: 'POST', headers: json, body: '{"name":"a"}' }),
      send('/v1/check?password=x'),
      send('/v1/check', { headers: { 'x-refuse': 'unauthenticated' } }),
      send('/v1/check', { headers: { 'x-refuse': 'forbidden' } }),
      send('/nope'),
      send('/v1/check', { method: 'PUT' }),
      send('/v1/things', { method: 'POST', body: 'a'.repeat(20_000) }),
      send('/v1/things', { method: 'POST', body: 'a' }),
      send('/v1/things', { method: 'POST', headers: json, body: '{}' }),
      send('/v1/check', { headers: { 'x-refuse': 'rate_limited' } }),
      send('/v1/check', { headers: { 'x-refuse': 'username_taken' } }),
      send('/v1/check', { headers: { 'x-refuse': 'internal_error' } }),
      send('/v1/check', { headers: { 'x-refuse': 'overloaded' } }),
    ]);
    const statuses = [200, 204, 201, 400, 401, 403, 404, 405, 413, 415, 422, 429, 409, 500, 503];
    expect(answers.map(({ status }) => status)).toEqual(statuses);
    for (const { headers } of answers) expectStandardHeaders(headers);
    for (const answer of answers.slice(3))
      expectProblem(answer, answer.status, (JSON.parse(answer.body) as { code: string }).code);
    expect(new Set(answers.map(({ headers }) => headers['x-request-id'])).size).toBe(answers.length);
  });

  it("bears the caller's request id where it has the right shape, else one of ours", async () => {
    const idOf = async (id: string) =>
      (await send('/whoami', { headers: { 'x-request-id': id } })).headers['x-request-id'];
    for (const id of ['abcd-123', 'A'.repeat(64), '12345678']) expect(await idOf(id)).toBe(id);
    for (const id of ['short', 'a'.repeat(65), 'with space', 'semi;colon', 'under_score'])
      expect(await idOf(id)).toMatch(UUID);
    const two = request('GET /whoami', ['X-Request-Id: abcd-1234', 'X-Request-Id: abcd-1234']);
    expect((await sendRaw(test.port, two))[0]!.headers['x-request-id']).toMatch(UUID);
    const refused = await send('/nope', { headers: { 'x-request-id': 'my-own-label' } });
    expect(expectProblem(refused, 404, 'not_found').requestId).toBe('my-own-label');
  });

  it('carries another policy where a page has one, but not with a problem', async () => {
    const page = await send('/pages/home');
    expect(page.headers).toMatchObject({
      'content-security-policy': "default-src 'self'",
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
    expectProblem(await send('/pages/home?missing=yes'), 404, 'not_found');
    expectProblem(await send('/pages/nope'), 404, 'not_found');
  });

  it('to a 401 is a Bearer challenge, never a Basic one; a wait says how long', async () => {
    const refused = async (code: string) => (await send('/v1/check', { headers: { 'x-refuse': code } })).headers;
    for (const code of ['unauthenticated', 'invalid_credentials']) {
      expect((await refused(code))['www-authenticate']).toBe('Bearer realm="postern"');
    }
    expect((await refused('forbidden'))['www-authenticate']).toBeUndefined();
    expect((await refused('rate_limited'))['retry-after']).toBe('60');
    for (const code of ['unavailable', 'overloaded']) expect((await refused(code))['retry-after']).toMatch(/^[2-5]$/);
    expect((await refused('outcome_unknown'))['retry-after']).toBeUndefined();
  });
});

describe('HEAD', () => {
  const LABEL = { 'x-request-id': 'the-same-label', connection: 'close' };
  const paths = [
    '/v1/things',
    '/v1/check',
    '/v1/file',
    '/v1/empty',
    '/pages/home',
    '/nope',
    '/v1/check?a=1',
    `/v1/things/${USERID}`,
  ];

  it.each(paths)('%s answers as its GET, without the body', async (path) => {
    const [get, head] = await Promise.all([
      send(path, { headers: LABEL }),
      send(path, { method: 'HEAD', headers: LABEL }),
    ]);
    const strip = ({ date: _date, ...headers }: Readonly<Record<string, string>>) => headers;
    expect(head.status).toBe(get.status);
    expect(strip(head.headers)).toEqual(strip(get.headers));
    expect(head.body).toBe('');
  });

  it('is guarded as its GET', async () => {
    const head = await send('/v1/check', { method: 'HEAD', headers: { 'x-refuse': 'unauthenticated' } });
    expect(head.status).toBe(401);
  });
});

describe('paths and methods', () => {
  it('names the methods that a path has', async () => {
    const allowOf = async (method: string, path: string) => {
      const answer = await send(path, { method });
      expectProblem(answer, 405, 'method_not_allowed');
      return answer.headers['allow'];
    };
    expect(await allowOf('PUT', '/v1/things')).toBe('GET, HEAD, POST');
    expect(await allowOf('PATCH', `/v1/things/${USERID}`)).toBe('GET, HEAD, DELETE');
    expect(await allowOf('GET', '/v1/login')).toBe('POST');
    expect(await allowOf('PROPFIND', '/v1/check')).toBe('GET, HEAD');
    expect(await allowOf('OPTIONS', '/v1/check')).toBe('GET, HEAD');
    expect(await allowOf('DELETE', '/v1/th%69ngs')).toBe('GET, HEAD, POST');
    // Not those of /v1/things/{userid}, which it looks like.
    expect(await allowOf('DELETE', '/v1/things/own')).toBe('GET, HEAD');
    expect(await allowOf('DELETE', '/v1/things/ow%6e')).toBe('GET, HEAD');
    expect(await allowOf('OPTIONS', '/v1/things/own')).toBe('GET, HEAD');
    expect(calls).toEqual([]);
  });

  it.each([
    '/',
    '/v1/check/',
    '/v1//check',
    '//v1/check',
    '/V1/check',
    '/v1/Check',
    '/v1/check;x=1',
    '/v1/check%2f',
    '/v1%2fcheck',
    '/v1/check%00',
    '/v1/check%20',
    '/v1/%2563heck',
    '/v2/check',
    '/v1/check.css',
    '/v1/things/',
    '/v1/things//tokens/x',
    '/.env',
    '/.git/HEAD',
  ])('%s is no path', async (path) => {
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
      const [answer] = await sendRaw(test.port, request(`${method} ${path}`));
      expect(answer!.status).toBe(404);
    }
    const [answer] = await sendRaw(test.port, request(`GET ${path}`));
    expectProblem(answer!, 404, 'not_found');
  });

  it.each(['/v1/./check', '/v1/x/../check', '/v1\\check'])('%s is not made into another path', async (path) => {
    expectProblem((await sendRaw(test.port, request(`GET ${path}`)))[0]!, 404, 'not_found');
  });

  it('takes no method from a header or a parameter', async () => {
    for (const name of ['x-http-method-override', 'x-method-override', 'x-http-method']) {
      await send('/v1/logout', { method: 'GET', headers: { [name]: 'POST' } });
      await send(`/v1/things/${USERID}`, { headers: { [name]: 'DELETE' } });
    }
    await send(`/v1/things/${USERID}?_method=DELETE`);
    expect(calls).toEqual([]);
  });

  it('an id of the wrong shape is 404, however long', async () => {
    expect((await send(`/v1/things/${USERID}/tokens/${TOKEN_ID}`)).status).toBe(200);
    for (const id of [
      USERID.toUpperCase(),
      'x',
      '%00',
      '..%2f',
      'a'.repeat(150),
      'a'.repeat(7000),
      `${USERID}%0a`,
      '😀',
    ]) {
      expectProblem(await send(`/v1/things/${id}`), 404, 'not_found');
      expectProblem(await send(`/v1/things/${USERID}/tokens/${id}`), 404, 'not_found');
    }
  });
});

describe('the order of checks', () => {
  const wrong = { method: 'POST', body: '{', headers: { 'content-type': 'application/json', 'x-refuse': 'forbidden' } };

  it('is the contract’s', async () => {
    const code = async (path: string, init: RequestInit) =>
      (JSON.parse((await send(path, init)).body) as { code: string }).code;
    expect(await code('/%zz?password=x', wrong)).toBe('malformed');
    expect(await code('/nope?password=x', wrong)).toBe('credentials_in_url');
    expect(await code('/v1/check?code=x', wrong)).toBe('credentials_in_url');
    expect(await code('/nope', wrong)).toBe('not_found');
    expect(await code('/v1/check', wrong)).toBe('method_not_allowed');
    expect(await code('/v1/things', { ...wrong, body: 'a'.repeat(20_000) })).toBe('payload_too_large');
    expect(await code('/v1/things', { ...wrong, headers: { ...wrong.headers, 'content-type': 'text/plain' } })).toBe(
      'unsupported_media_type',
    );
    expect(await code('/v1/things?x=1', wrong)).toBe('malformed');
    expect(await code('/v1/things?x=1', { ...wrong, body: '{}' })).toBe('forbidden');
    expect(await code('/v1/logout', { ...wrong, body: '{}' })).toBe('forbidden');
    expect(await code(`/v1/things/x?x=1`, {})).toBe('invalid_request');
    expect(await code(`/v1/things/x`, {})).toBe('not_found');
  });
});

describe('what is thrown', () => {
  const pgError = (code: string, message = 'x') => Object.assign(new Error(message), { code });
  const query = (error: Error) => new QueryFailedError('select secret from users', ['hunter2'], error);
  class TimeoutError extends Error {}

  it.each<[string, () => unknown, number, string]>([
    ['a problem', () => new Problem('last_admin'), 409, 'last_admin'],
    ['a problem with a cause', () => new Problem('unavailable', { cause: new Error('select') }), 503, 'unavailable'],
    ['an error', () => new Error('select secret from users'), 500, 'internal_error'],
    ['a string', () => 'select secret', 500, 'internal_error'],
    ['nothing', () => undefined, 500, 'internal_error'],
    ['null', () => null, 500, 'internal_error'],
    ['an object without prototype', () => Object.create(null) as unknown, 500, 'internal_error'],
    ['an object with a status', () => ({ statusCode: 200, message: 'x' }), 500, 'internal_error'],
    ['an error with a status', () => Object.assign(new Error('x'), { statusCode: 418 }), 500, 'internal_error'],
    ['a circular error', () => Object.assign(new Error('x'), { cause: undefined, self: test }), 500, 'internal_error'],
    ['a unique violation', () => query(pgError('23505', 'duplicate key')), 500, 'internal_error'],
    ['ECONNREFUSED', () => pgError('ECONNREFUSED', 'connect 10.0.0.1:5432'), 503, 'unavailable'],
    ['all addresses refused', () => new AggregateError([pgError('ECONNREFUSED')], ''), 503, 'unavailable'],
    ['an admin shutdown', () => query(pgError('57P01')), 503, 'unavailable'],
    ['a database that takes no connections', () => query(pgError('55000')), 503, 'unavailable'],
    ['a statement time-out', () => query(pgError('57014')), 503, 'unavailable'],
    ['a read-only standby', () => query(pgError('25006')), 503, 'unavailable'],
    ['too many connections', () => pgError('53300'), 503, 'unavailable'],
    ['a disk that is full', () => query(pgError('53100')), 503, 'unavailable'],
    ['a lock time-out', () => query(pgError('55P03')), 503, 'unavailable'],
    ['a wrong database password', () => pgError('28P01'), 503, 'unavailable'],
    ['a terminated connection', () => query(new Error('Connection terminated unexpectedly')), 503, 'unavailable'],
    ['a pool that is full', () => new Error('timeout exceeded when trying to connect'), 503, 'unavailable'],
    ['a closed Redis client', () => new ClientClosedError(), 503, 'unavailable'],
    ['a Redis that loads', () => new SimpleError('LOADING Redis is loading'), 503, 'unavailable'],
    ['a Redis replica', () => new SimpleError("READONLY You can't write"), 503, 'unavailable'],
    ['a Redis that is full', () => new SimpleError('OOM command not allowed'), 503, 'unavailable'],
    ['a Redis time-out', () => new Error('x', { cause: new TimeoutError() }), 503, 'unavailable'],
    ['a wrong Redis type', () => new SimpleError('WRONGTYPE Operation'), 500, 'internal_error'],
  ])('%s', async (name, make, status, code) => {
    failures.set('it', make);
    test.log.splice(0);
    const answer = await send('/v1/fail/it');
    expectProblem(answer, status, code);
    expect(answer.body).not.toMatch(/secret|10\.0|duplicate|terminated|redis/i);
    expect(test.log.length).toBe(status >= 500 ? 1 : 0);
    expect(test.log.join()).not.toContain('hunter2');
    if (status >= 500) expect(test.log[0]).toContain(answer.headers['x-request-id']!);
    if (name === 'an error') expect(test.log[0]).toContain('select secret from users');
  });

  it('by others is told by its status alone', async () => {
    const expected: [number, number, string][] = [
      [400, 400, 'malformed'],
      [401, 401, 'unauthenticated'],
      [403, 403, 'forbidden'],
      [404, 404, 'not_found'],
      [418, 400, 'malformed'],
      [429, 429, 'rate_limited'],
      [500, 500, 'internal_error'],
      [502, 500, 'internal_error'],
      [503, 503, 'unavailable'],
    ];
    for (const [thrown, status, code] of expected) {
      const answer = await send(`/v1/http-exception/${thrown}`);
      expectProblem(answer, status, code);
      expect(answer.body).not.toContain('secret words');
    }
  });
});

describe('a handler that takes too long', () => {
  it('is given up within 5 s: a read as unavailable, a change as unknown, a body that does not come as 408', async () => {
    const started = performance.now();
    const [get, change, slow] = await Promise.all([
      send('/v1/hang'),
      send('/v1/hang', { method: 'POST' }),
      sendRaw(test.port, request('POST /v1/things', ['Content-Length: 12'], '{"name"')),
    ]);
    expectProblem(get, 503, 'unavailable');
    expectProblem(change, 503, 'outcome_unknown');
    expectProblem(slow[0]!, 408, 'request_timeout');
    expect(slow).toHaveLength(1);
    const seconds = (performance.now() - started) / 1000;
    process.stdout.write(`given up after ${seconds.toFixed(1)} s\n`);
    // Three times what is promised: this process may have been held up itself.
    expect(seconds).toBeLessThan(15);
    expect(calls).toEqual([]);
  });

  it('has a lease more where it waits one out', async () => {
    const [short, long] = [await startApp({ truthLeaseMs: 500 }), await startApp({ truthLeaseMs: 10_000 })];
    const started = performance.now();
    const inTime = fetch(`${long.url}/v1/all-things`, { method: 'DELETE' });
    const late = await fetch(`${short.url}/v1/all-things`, { method: 'DELETE' });
    expectProblem(await answerOf(late), 503, 'outcome_unknown');
    expect(performance.now() - started).toBeGreaterThan(5200);
    // Of the same age, with a longer lease.
    lease.over.resolve();
    expect((await inTime).status).toBe(204);
    await Promise.all([short.close(), long.close()]);
  });

  it('ends no answer that has begun: who reads slowly gets all of it', async () => {
    const answer = await fetch(`${test.url}/v1/large`);
    // Nothing of the body is read before the time of a request is up.
    expectProblem(await send('/v1/hang'), 503, 'unavailable');
    expect((await answer.bytes()).length).toBe(LARGE);
  });
});

describe('a server that closes', () => {
  it('finishes what runs, and does not wait for the client to let go of the connection', async () => {
    const closing = await startApp();
    const running = fetch(`${closing.url}/v1/wait`);
    await wait.reached.promise;
    const server = closing.app.getHttpServer();
    const closed = closing.close();
    while (server.listening) await new Promise((resolve) => setImmediate(resolve));
    wait.go.resolve();
    const answer = await answerOf(await running);
    expect([answer.status, answer.headers['connection']]).toEqual([200, 'close']);
    await closed;
  });
});

describe('CORS', () => {
  const CORS = /^access-control-|^vary$/;
  const corsOf = ({ headers }: Answer) => Object.keys(headers).filter((name) => CORS.test(name));
  const preflight = (path: string, origin: string) =>
    send(path, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });

  it('lets a listed origin read, also a problem', async () => {
    for (const path of ['/v1/check', '/nope', '/v1/check?password=x', '/v1/check?x=1']) {
      expect((await send(path, { headers: { origin: ORIGIN } })).headers).toMatchObject({
        'access-control-allow-origin': ORIGIN,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'X-Request-Id, Retry-After, WWW-Authenticate',
        vary: 'Origin',
      });
    }
  });

  it('lets it read what the parser refused, too', async () => {
    const refused = async (...origins: string[]) => {
      const headers = [...origins.map((origin) => `Origin: ${origin}`), `X-A: ${'a'.repeat(20_000)}`];
      const [answer] = await sendRaw(test.port, request('GET /v1/check', headers));
      expectProblem(answer!, 431, 'headers_too_large');
      return answer!;
    };
    expect((await refused(ORIGIN)).headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'X-Request-Id, Retry-After, WWW-Authenticate',
      vary: 'Origin',
    });
    for (const origins of [[], ['https://evil.example'], [ORIGIN, ORIGIN]]) {
      expect(corsOf(await refused(...origins))).toEqual([]);
    }
  });

  it('answers its preflight with what the path can do', async () => {
    const answer = await preflight(`/v1/things/${USERID}`, ORIGIN);
    expect(answer.status).toBe(204);
    expectStandardHeaders(answer.headers);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, HEAD, DELETE',
      'access-control-allow-headers': 'authorization, content-type, x-user-id, x-request-id',
      'access-control-max-age': '600',
      vary: 'Origin',
    });
    expectProblem(await preflight('/nope', ORIGIN), 404, 'not_found');
    expectProblem(
      await send('/v1/check', { method: 'OPTIONS', headers: { origin: ORIGIN } }),
      405,
      'method_not_allowed',
    );
  });

  it.each([
    'https://evil.example',
    'null',
    'https://sub.web.example',
    'https://web.example.evil.example',
    'http://web.example',
    'https://web.example:444',
    'https://web.example/',
    'https://WEB.example',
    'https://web.example, https://evil.example',
  ])('says nothing to %s', async (origin) => {
    for (const answer of [await send('/v1/check', { headers: { origin } }), await preflight('/v1/check', origin)]) {
      expect(answer.status).toBe(204);
      expect(corsOf(answer)).toEqual([]);
    }
  });

  it('says nothing without an origin, whatever the host', async () => {
    expect(corsOf((await sendRaw(test.port, request('GET /v1/check')))[0]!)).toEqual([]);
    expect(corsOf(await send('/v1/check', { headers: { 'x-forwarded-host': 'web.example' } }))).toEqual([]);
  });
});
