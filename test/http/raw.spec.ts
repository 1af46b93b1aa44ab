import { expectProblem, expectStandardHeaders, UUID } from './expect-problem.js';
import { request, sendRaw, type Answer } from './raw.js';
import { calls, startApp, type TestApp } from './test-app.js';

const JSON_TYPE = 'Content-Type: application/json';
const CHUNKED = [JSON_TYPE, 'Transfer-Encoding: chunked'];
const POST = 'POST /v1/things';
const GET = 'GET /v1/check';

/** name, bytes, status, code; each must be the only answer, and no handler may be reached. */
const REFUSED: [string, string | Buffer, number, string][] = [
  [
    'Content-Length and Transfer-Encoding',
    request(POST, [...CHUNKED, 'Content-Length: 4'], '0\r\n\r\n'),
    400,
    'malformed',
  ],
  [
    'two Content-Length',
    request(POST, [JSON_TYPE, 'Content-Length: 4', 'Content-Length: 5'], 'aaaaa'),
    400,
    'malformed',
  ],
  [
    'the same Content-Length twice',
    request(POST, [JSON_TYPE, 'Content-Length: 2', 'Content-Length: 2'], '{}'),
    400,
    'malformed',
  ],
  ['a list of Content-Length', request(POST, [JSON_TYPE, 'Content-Length: 2, 2'], '{}'), 400, 'malformed'],
  ['Content-Length +2', request(POST, [JSON_TYPE, 'Content-Length: +2'], '{}'), 400, 'malformed'],
  ['Content-Length -2', request(POST, [JSON_TYPE, 'Content-Length: -2'], '{}'), 400, 'malformed'],
  ['Content-Length 0x2', request(POST, [JSON_TYPE, 'Content-Length: 0x2'], '{}'), 400, 'malformed'],
  ['Transfer-Encoding xchunked', request(POST, [JSON_TYPE, 'Transfer-Encoding: xchunked'], '{}'), 400, 'malformed'],
  [
    'chunked not last',
    request(POST, [JSON_TYPE, 'Transfer-Encoding: chunked, identity'], '0\r\n\r\n'),
    400,
    'malformed',
  ],
  ['chunked twice', request(POST, [...CHUNKED, 'Transfer-Encoding: chunked'], '0\r\n\r\n'), 400, 'malformed'],
  [
    'gzip before chunked',
    request(POST, [JSON_TYPE, 'Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'),
    400,
    'malformed',
  ],
  [
    'chunked in HTTP/1.0',
    'POST /v1/things HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'malformed',
  ],
  [
    'a space before the colon of Transfer-Encoding',
    request(POST, [JSON_TYPE, 'Transfer-Encoding : chunked'], '0\r\n\r\n'),
    400,
    'malformed',
  ],
  [
    'a vertical tab before chunked',
    request(POST, [JSON_TYPE, 'Transfer-Encoding:\x0bchunked'], '0\r\n\r\n'),
    400,
    'malformed',
  ],
  ['bare LF everywhere', 'GET /v1/check HTTP/1.1\nHost: x\n\n', 400, 'malformed'],
  ['bare LF in the headers', 'GET /v1/check HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n', 400, 'malformed'],
  ['bare CR', 'GET /v1/check HTTP/1.1\r\nHost: x\rX-A: b\r\n\r\n', 400, 'malformed'],
  ['a space before the colon', request(GET, ['X-A : b']), 400, 'malformed'],
  ['a folded header', request(GET, ['X-A: b', ' c']), 400, 'malformed'],
  ['a first header that is folded', 'GET /v1/check HTTP/1.1\r\n Host: x\r\n\r\n', 400, 'malformed'],
  ['NUL in a value', request(GET, ['X-A: b\0c']), 400, 'malformed'],
  ['NUL in a name', request(GET, ['X\0A: b']), 400, 'malformed'],
  ['NUL in the URL', request('GET /v1/\0check'), 400, 'malformed'],
  ['a header without name', request(GET, [': b']), 400, 'malformed'],
  ['a header without colon', request(GET, ['abc']), 400, 'malformed'],
  [
    'chunk extensions of 20 kB',
    request(POST, CHUNKED, `2;${'a'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`),
    413,
    'payload_too_large',
  ],
  ['LF after a chunk extension', request(POST, CHUNKED, '2;a\n{}\r\n0\r\n\r\n'), 400, 'malformed'],
  ['a chunk size that is none', request(POST, CHUNKED, 'zz\r\n{}\r\n0\r\n\r\n'), 400, 'malformed'],
  ['a negative chunk size', request(POST, CHUNKED, '-1\r\n{}\r\n0\r\n\r\n'), 400, 'malformed'],
  ['a chunk size over 64 bits', request(POST, CHUNKED, 'fffffffffffffffff\r\n{}\r\n0\r\n\r\n'), 400, 'malformed'],
  ['a chunk that is not ended', request(POST, CHUNKED, '2\r\n{}0\r\n\r\n'), 400, 'malformed'],
  ['no Host', 'GET /v1/check HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed'],
  ['no Host in HTTP/1.0', 'GET /v1/check HTTP/1.0\r\n\r\n', 400, 'malformed'],
  ['two Hosts', request(GET, ['Host: other']), 400, 'malformed'],
  ['an empty Host', 'GET /v1/check HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n', 400, 'malformed'],
  ['a Host with a path', 'GET /v1/check HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n', 400, 'malformed'],
  ['HTTP/0.9', 'GET /v1/check\r\n\r\n', 400, 'malformed'],
  ['HTTP/1.2', 'GET /v1/check HTTP/1.2\r\nHost: x\r\n\r\n', 400, 'malformed'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'malformed'],
  ['TLS', Buffer.from('16030100c8010000c40303', 'hex'), 400, 'malformed'],
  ['no HTTP', 'hello\r\n\r\n', 400, 'malformed'],
  ['a space in the URL', request('GET /v1/ check'), 400, 'malformed'],
  ['Latin-1 in the URL', request('GET /v1/\xe9'), 400, 'malformed'],
  ['a bad escape', request('GET /%zz'), 400, 'malformed'],
  ['a bad escape in the query', request('GET /v1/things?search=%zz'), 400, 'malformed'],
  ['an escape that is no UTF-8', request('GET /v1/%c3%28'), 400, 'malformed'],
  ['overlong UTF-8', request('GET /v1/%c0%af'), 400, 'malformed'],
  ['no slash', request('GET v1/check'), 400, 'malformed'],
  ['* for GET', request('GET *'), 400, 'malformed'],
  ['* before a path', request('GET *v1/check'), 400, 'malformed'],
  ['another scheme', request('GET ftp://x/v1/check'), 400, 'malformed'],
  ['an absolute URL without host', request('GET http:///v1/check'), 400, 'malformed'],
  ['an absolute URL with a user', request('GET http://a@x/v1/check'), 400, 'malformed'],
  ['a fragment', request('GET /v1/check#a'), 404, 'not_found'],
  ['a URL of 9 kB', request(`GET /${'a'.repeat(9000)}`), 414, 'uri_too_long'],
  ['a URL of 20 kB', request(`GET /${'a'.repeat(20_000)}`), 414, 'uri_too_long'],
  ['a header of 20 kB', request(GET, [`X-A: ${'a'.repeat(20_000)}`]), 431, 'headers_too_large'],
  ['a header of 1 MB', request(GET, [`X-A: ${'a'.repeat(1_000_000)}`]), 431, 'headers_too_large'],
  ['a cookie of 16 KiB', request(GET, [`Cookie: a=${'a'.repeat(16 * 1024)}`]), 431, 'headers_too_large'],
  [
    '3,000 headers',
    request(
      GET,
      Array.from({ length: 3000 }, (_, index) => `a${index}: b`),
    ),
    431,
    'headers_too_large',
  ],
  ['an unknown expectation', request(GET, ['Expect: 200-ok']), 417, 'expectation_failed'],
  ['TRACE', request('TRACE /v1/check'), 405, 'method_not_allowed'],
  ['CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n', 405, 'method_not_allowed'],
  ['CONNECT with a path', 'CONNECT /v1/check HTTP/1.1\r\nHost: x\r\n\r\n', 405, 'method_not_allowed'],
  ['OPTIONS *', request('OPTIONS *'), 405, 'method_not_allowed'],
  ['OPTIONS that is no preflight', request('OPTIONS /v1/check'), 405, 'method_not_allowed'],
  ['a made-up method', request('FOO /v1/check'), 405, 'method_not_allowed'],
  ['a made-up method on an absolute URL', request('FOO http://localhost/v1/check'), 405, 'method_not_allowed'],
  ['a made-up method on no path', request('FOO /nope'), 404, 'not_found'],
  ['a method in lower case', request('get /v1/check'), 405, 'method_not_allowed'],
  ['a method of RTSP', request('DESCRIBE /v1/check'), 405, 'method_not_allowed'],
  ['a method that is no token', request('G@T /v1/check'), 400, 'malformed'],
  [
    'a body of 1 MB',
    request(POST, [JSON_TYPE, 'Content-Length: 1000000'], 'a'.repeat(1_000_000)),
    413,
    'payload_too_large',
  ],
  [
    'a body too long, in chunks',
    request(POST, CHUNKED, `4e20\r\n${'a'.repeat(20_000)}\r\n0\r\n\r\n`),
    413,
    'payload_too_large',
  ],
  [
    '100-continue for a body too long',
    request(POST, ['Expect: 100-continue', 'Content-Length: 99999']),
    413,
    'payload_too_large',
  ],
];

let test: TestApp;

beforeAll(async () => {
  test = await startApp();
});
afterAll(() => test.close());
beforeEach(() => calls.splice(0));

const only = async (...parts: (string | Buffer)[]): Promise<Answer> => {
  const answers = await sendRaw(test.port, ...parts);
  expect(answers).toHaveLength(1);
  return answers[0]!;
};

describe('what is sent as bytes', () => {
  it.each(REFUSED)('%s is refused as a problem and reaches no handler', async (_name, bytes, status, code) => {
    const answer = await only(bytes);
    expectProblem(answer, status, code);
    if (status === 405) expect(answer.headers['allow']).toMatch(/^GET, HEAD/);
    expect(calls).toEqual([]);
  });

  it('is answered with what is known of who sent it, and is one line of the log', async () => {
    const log: unknown[] = [];
    const requestLog = (line: string) => void log.push(JSON.parse(line));
    const proxied = await startApp({ trustProxy: ['127.0.0.1/32'], requestLog });
    const named = ['X-Request-Id: label-123', 'X-Forwarded-Proto: https', 'X-Forwarded-For: 192.0.2.1, 192.0.2.9'];
    const late = `X-A: ${'a'.repeat(20_000)}`;
    const refused: [string, number, string, string][] = [
      [request('FOO /v1/check', named), 405, 'method_not_allowed', 'FOO'],
      [request('FOO /%zz', named), 400, 'malformed', 'FOO'],
      [request('CONNECT x:443', named), 405, 'method_not_allowed', 'CONNECT'],
      [request(GET, [...named, 'X-A : b']), 400, 'malformed', 'GET'],
      [request(GET, [...named, late]), 431, 'headers_too_large', 'GET'],
      [request(POST, [...CHUNKED, ...named], 'zz\r\n{}\r\n0\r\n\r\n'), 400, 'malformed', 'POST'],
    ];
    for (const [bytes, status, code, method] of refused) {
      const [answer] = await sendRaw(proxied.port, bytes);
      expect(expectProblem(answer!, status, code, true).requestId).toBe('label-123');
      const line = { level: 'info', status, requestId: 'label-123', ip: '192.0.2.9', msg: `${method} ${status}` };
      expect([bytes.slice(0, 30), log.splice(0)]).toEqual([bytes.slice(0, 30), [expect.objectContaining(line)]]);
    }
    // The same from somebody who is no proxy, with a label that is none.
    const [plain] = await sendRaw(test.port, request('FOO /v1/check', [...named.slice(1), 'X-Request-Id: a b']));
    expect(expectProblem(plain!, 405, 'method_not_allowed').requestId).toMatch(UUID);
    await proxied.close();
    expect(log).toEqual([]);
  });

  it('serves what HTTP allows: HTTP/1.0 with Host, an empty line first, an absolute URL, odd names', async () => {
    const check = request(GET);
    const allowed = [
      check,
      `\r\n\r\n${check}`,
      'GET /v1/check HTTP/1.0\r\nHost: x\r\n\r\n',
      request('GET http://evil.example/v1/check'),
      request('GET /v1/ch%65ck'),
      request(GET, ['__proto__: a', 'constructor: b', 'X-A: \xc3\x28']),
      request(GET, ['Connection: upgrade', 'Upgrade: websocket']),
    ];
    for (const bytes of allowed) {
      const answer = await only(bytes);
      expect([answer.status, answer.body]).toEqual([204, '']);
      expectStandardHeaders(answer.headers);
    }
  });

  it('reads a body in chunks, with extensions, trailers and in the smallest parts', async () => {
    const body = '{"name":"Büro"}';
    const bytes = Buffer.from(body);
    const [first, rest] = [bytes.subarray(0, 11), bytes.subarray(11)];
    const chunk = (part: Buffer) =>
      Buffer.concat([Buffer.from(`${part.length.toString(16)};a=b\r\n`), part, Buffer.from('\r\n')]);
    const answer = await only(
      request(POST, [...CHUNKED, 'Trailer: X-A']),
      chunk(first),
      chunk(rest),
      '0\r\nX-A: b\r\n\r\n',
    );
    expect([answer.status, JSON.parse(Buffer.from(answer.body, 'latin1').toString())]).toEqual([
      201,
      { name: 'Büro', isDate: false },
    ]);
  });

  it('says 100 Continue, then answers', async () => {
    const answers = await sendRaw(
      test.port,
      request(POST, [JSON_TYPE, 'Expect: 100-continue', 'Content-Length: 12'], '{"name":"a"}'),
    );
    expect(answers.map(({ status }) => status)).toEqual([100, 201]);
  });

  it('answers pipelined requests in their order, and a bad one after them', async () => {
    const one = (line: string) => `${line} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const answers = await sendRaw(test.port, one('GET /whoami') + one(GET) + one('FOO /v1/things') + one(GET));
    expect(answers.map(({ status }) => status)).toEqual([200, 204, 405]);
    expectProblem(answers[2]!, 405, 'method_not_allowed');
  });

  it('keeps a connection after a refused body, and serves the next request on it', async () => {
    const keep = (line: string, headers: string[], body = '') =>
      [`${line} HTTP/1.1`, 'Host: x', ...headers, '', body].join('\r\n');
    const answers = await sendRaw(
      test.port,
      keep(POST, ['Content-Length: 20000'], 'a'.repeat(20_000)),
      keep('POST /nope', ['Content-Length: 20000'], 'a'.repeat(20_000)),
      request(GET),
    );
    expect(answers.map(({ status }) => status)).toEqual([413, 404, 204]);
  });

  it.each([
    ['at once, and cuts its connection after the time that a request has', [], 14_000],
    ['within 5 s, where that is the last answer of its connection', ['Connection: close'], 900],
  ])('answers a body that never ends %s', async (_when, headers, least) => {
    const started = performance.now();
    const head = [`${POST} HTTP/1.1`, 'Host: x', JSON_TYPE, 'Content-Length: 50000000', ...headers, '', ''].join(
      '\r\n',
    );
    const answers = await sendRaw(test.port, head, 'a'.repeat(20_000_000));
    expect(answers).toHaveLength(1);
    expectProblem(answers[0]!, 413, 'payload_too_large');
    expect(performance.now() - started).toBeGreaterThan(least);
  });

  it('lives on: the log has no error and the same process answers', async () => {
    expect(test.log).toEqual([]);
    expect((await only(request(GET))).status).toBe(204);
  });
});
