import { normaliseAddress } from '../../src/http/source-address.js';
import { expectProblem, expectStandardHeaders } from './expect-problem.js';
import { request, sendRaw } from './raw.js';
import { startApp, type TestApp } from './test-app.js';

describe('an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['::1', '::1'],
  ])('%s is %s', (text, address) => {
    expect(normaliseAddress(text)).toBe(address);
  });

  it.each([
    '',
    'unknown',
    '192.0.2',
    '192.0.2.256',
    '010.0.0.1',
    '1.2.3.4.5',
    '::ffff:1.2.3',
    '2001:db8::1::2',
    '[192.0.2.1',
    'a:b',
    '_x',
  ])('%j is none', (text) => {
    expect(normaliseAddress(text)).toBeNull();
  });
});

const whoami = async (test: TestApp, ...headers: string[]) => {
  const [answer] = await sendRaw(test.port, request('GET /whoami', headers));
  return { headers: answer!.headers, address: (JSON.parse(answer!.body) as { address: string }).address };
};

describe('without trusted proxies', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp();
  });
  afterAll(() => test.close());

  it('no forwarded header counts', async () => {
    const forged = [
      'X-Forwarded-For: 192.0.2.1',
      'X_Forwarded_For: 192.0.2.1',
      'Forwarded: for=192.0.2.1;proto=https',
      'X-Real-IP: 192.0.2.1',
      'X-Forwarded-Proto: https',
    ];
    const { address, headers } = await whoami(test, ...forged);
    expect(address).toBe('127.0.0.1');
    expectStandardHeaders(headers, false);
  });
});

describe('behind a trusted proxy', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ trustProxy: ['127.0.0.1/32', '10.0.0.0/8', '2001:db8::/32'] });
  });
  afterAll(() => test.close());

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['203.0.113.9, 192.0.2.1', '192.0.2.1'],
    ['192.0.2.1, 10.1.2.3', '192.0.2.1'],
    ['203.0.113.9, 192.0.2.1, 10.1.2.3, 2001:db8::5', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:DB9:0::1', '2001:db9::1'],
    ['10.1.2.3', '10.1.2.3'],
    ['unknown', '127.0.0.1'],
    ['192.0.2.1, unknown', '127.0.0.1'],
    ['unknown, 10.1.2.3', '10.1.2.3'],
    ['', '127.0.0.1'],
    [',,,', '127.0.0.1'],
  ])('X-Forwarded-For: %s comes from %s', async (forwarded, address) => {
    expect((await whoami(test, `X-Forwarded-For: ${forwarded}`)).address).toBe(address);
  });

  it('the scheme is what the last proxy says, and HSTS follows it, on problems too', async () => {
    for (const [proto, https] of [
      ['https', true],
      ['HTTPS', true],
      ['http, https', true],
      ['http', false],
      ['https, http', false],
      ['', false],
      ['wss', false],
    ] as const) {
      const forwarded = [`X-Forwarded-Proto: ${proto}`];
      expectStandardHeaders((await whoami(test, ...forwarded)).headers, https);
      for (const target of ['/nope', '/%zz', '/v1/check?code=x', '/v1/check?x=1', `/${'a'.repeat(9000)}`]) {
        const [answer] = await sendRaw(test.port, request(`GET ${target}`, forwarded));
        const { status, code } = JSON.parse(answer!.body) as { status: number; code: string };
        expectProblem(answer!, status, code, https);
      }
    }
  });
});
