import { ModulesContainer } from '@nestjs/core';
import { formatToken, makeToken } from '../../src/common/secret-token.js';
import { routeAccess, type RouteAccess } from '../../src/service/route-access.js';
import { SessionsService } from '../../src/sessions/sessions.service.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { api, createUser, OWN_PAGE, webLogin, type Api, type CallOptions, type User } from '../support/client.js';

const LISTED = 'https://web.example';
const OTHER_LISTED = 'https://www.web.example:8443';

const SITES = [undefined, 'cross-site', 'same-site', 'none', 'same-origin'] as const;
const ORIGINS: Readonly<Record<string, string | undefined>> = {
  none: undefined,
  listed: LISTED,
  foreign: 'https://evil.example',
  null: 'null',
  'other port': 'https://web.example:8443',
  'look-alike': 'https://web.example.evil.example',
  'upper case': 'HTTPS://WEB.EXAMPLE',
};
const UNSAFE = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Contract, CSRF, written once more: 16 of the 35. */
function allowed(site: (typeof SITES)[number], origin: string | undefined): boolean {
  if (site === 'same-origin' || site === 'none') return true;
  return site !== 'cross-site' && origin === LISTED;
}

const CASES = SITES.flatMap((site) =>
  Object.entries(ORIGINS).map(([name, origin]) => ({
    name: `Sec-Fetch-Site ${site ?? 'absent'}, Origin ${name}`,
    headers: { ...(site && { 'sec-fetch-site': site }), ...(origin && { origin }) } as Record<string, string>,
    passes: allowed(site, origin),
  })),
);

let app: TestApp;
let client: Api;
let user: User;

beforeAll(async () => {
  app = await startTestApp({ env: { WEB_ORIGINS: `${LISTED},${OTHER_LISTED}`, TRUTH_LEASE_MS: '3000' } });
  client = api(app.url);
  user = await createUser(app.url);
});
afterAll(() => app.close());

const routes = () => routeAccess(app.get(ModulesContainer));

/** Ids and names that nobody and nothing has. */
const concrete = ({ path }: Pick<RouteAccess, 'path'>) =>
  path
    .replace(':userid', '3f2b8c1e-6d4a-4f0b-9c2d-7e8f9a0b1c2d')
    .replace(':id', '6f1c0f0e5a4b4c3d8e2f1a0b9c8d7e6f')
    .replace(/:\w+/g, 'no-such-name');

/** A web session of its own for every call: some of them end it, one deletes its user. */
async function freshCookie(): Promise<string> {
  const sql = `SELECT world || '.' || epoch AS epoch FROM users, generation WHERE userid = $1 AND status = 'active'`;
  let [row]: { epoch: string }[] = await app.db.query(sql, [user.userid]);
  if (row === undefined) {
    user = await createUser(app.url);
    [row] = await app.db.query(sql, [user.userid]);
  }
  const { accesstoken } = await app.get(SessionsService).open(
    {
      ...{ userid: user.userid, epoch: row!.epoch, mode: 'web', isApp: false },
      ...{ apitokenId: null, deviceName: null, notAfter: null, authTime: null },
    },
    { ip: client.source, requestId: 'csrf-spec', userAgent: '', arrivedAt: performance.now() },
  );
  return `__Host-session=${user.userid}.${accesstoken}`;
}

/** Which cases are answered otherwise than the rule has it, of these routes. */
async function faults(
  asked: readonly Pick<RouteAccess, 'method' | 'path'>[],
  options: () => Promise<CallOptions>,
  passing: (passes: boolean) => boolean = (passes) => passes,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const route of asked) {
    for (const { name, headers, passes } of CASES) {
      const { headers: more } = await options();
      const reply = await client.call(route.method, concrete(route), undefined, { headers: { ...more, ...headers } });
      if ((reply.code !== 'csrf') !== passing(passes)) {
        wrong.push(`${route.method} ${route.path} with ${name}: ${reply.status} ${reply.code}`);
      }
    }
  }
  return wrong;
}

describe('under a cookie', () => {
  const cookie = async (): Promise<CallOptions> => ({ headers: { cookie: await freshCookie() } });

  it('what may change something passes from our own pages alone, on every route', async () => {
    const unsafe = routes().filter(({ method, isPublic }) => UNSAFE.has(method) && !isPublic);
    expect(unsafe.length).toBeGreaterThan(20);
    expect(CASES.filter(({ passes }) => passes)).toHaveLength(16);
    expect(await faults(unsafe, cookie)).toEqual([]);
  });

  it('what changes nothing passes from everywhere', async () => {
    const safe = routes().filter(({ method, isPublic }) => method === 'GET' && !isPublic);
    const heads = [{ method: 'HEAD', path: '/v1/users/me' }];
    expect(await faults([...safe, ...heads], cookie, () => true)).toEqual([]);
  });

  it('the rule is asked before who it is: a session that is over is not told from one that is not', async () => {
    const headers = { cookie: `__Host-session=${user.userid}.${formatToken('act', makeToken())}` };
    const answer = async (more: object) =>
      (await client.post('/v1/auth/logout', undefined, { headers: { ...headers, ...more } })).code;
    expect(await answer({})).toBe('csrf');
    expect(await answer(OWN_PAGE)).toBe('unauthenticated');
  });

  it('a header that is sent twice is none of the allowed ones', async () => {
    const twice: Record<string, string[]>[] = [
      { 'sec-fetch-site': ['same-origin', 'cross-site'] },
      { 'sec-fetch-site': ['same-origin', 'same-origin'] },
      { origin: [LISTED, LISTED] },
      { origin: ['https://evil.example', LISTED] },
    ];
    for (const headers of twice) {
      const reply = await client.post('/v1/auth/logout', undefined, {
        headers: { cookie: await freshCookie(), ...headers },
      });
      expect(reply.code).toBe('csrf');
    }
  });

  it('what is refused changes nothing', async () => {
    const as = await webLogin(app.url, user);
    const foreign = { as, headers: { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' } };
    for (const path of ['/v1/users/me', '/v1/sessions', '/v1/sessions?keep=current']) {
      const reply = await client.delete(path, foreign);
      expect([reply.code, reply.headers['set-cookie'], reply.headers['clear-site-data']]).toEqual([
        'csrf',
        undefined,
        undefined,
      ]);
    }
    expect((await client.get('/v1/users/me', { as })).status).toBe(200);
  });
});

describe('without a cookie', () => {
  it('header mode is asked for no page: browsers do not add its headers by themselves', async () => {
    const unsafe = routes().filter(({ method, isPublic }) => UNSAFE.has(method) && !isPublic);
    const headers = { 'x-user-id': user.userid, authorization: `Bearer ${formatToken('act', makeToken())}` };
    expect(
      await faults(
        unsafe,
        () => Promise.resolve({ headers }),
        () => true,
      ),
    ).toEqual([]);
  });

  it('web login and web sign-up pass from our own pages alone', async () => {
    const web = routes().filter(({ path }) => path.startsWith('/v1/auth/web/'));
    expect(web.map(({ path }) => path)).toEqual(['/v1/auth/web/login', '/v1/auth/web/signup']);
    expect(await faults(web, () => Promise.resolve({}))).toEqual([]);
  });

  it('no other public route asks', async () => {
    const others = routes().filter(({ isPublic, path }) => isPublic && !path.startsWith('/v1/auth/web/'));
    expect(
      await faults(
        others,
        () => Promise.resolve({}),
        () => true,
      ),
    ).toEqual([]);
  });
});

describe('GET /v1/auth/check', () => {
  const METHOD = ['x-forwarded-method', 'x-original-method'];

  async function check(headers: Record<string, string>, url = app.url): Promise<string> {
    const reply = await api(url).get('/v1/auth/check', { headers });
    return `${reply.status} ${reply.code ?? ''}`.trim();
  }

  it.each(METHOD)('holds the request that a proxy asks about by %s to the rule', async (name) => {
    const { cookie } = await webLogin(app.url, user);
    const wrong: string[] = [];
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'get', 'GET, POST']) {
      for (const { name: words, headers, passes } of CASES) {
        const should = passes || ['GET', 'HEAD', 'OPTIONS'].includes(method) ? '204' : '403 csrf';
        const answer = await check({ cookie, ...headers, [name]: method });
        if (answer !== should) wrong.push(`${method}, ${words}: ${answer}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('believes the worse of two headers, and asks in no other mode', async () => {
    const { cookie } = await webLogin(app.url, user);
    expect(await check({ cookie, 'x-forwarded-method': 'GET', 'x-original-method': 'POST' })).toBe('403 csrf');
    expect(await check({ cookie, 'x-forwarded-method': 'POST', 'x-original-method': 'GET' })).toBe('403 csrf');
    expect(await check({ 'x-forwarded-method': 'POST' })).toBe('401 unauthenticated');
  });

  it('believes nobody but a proxy of TRUST_PROXY, and no other route asks', async () => {
    const { cookie } = await webLogin(app.url, user);
    const reply = await client.get('/v1/users/me', { headers: { cookie, 'x-forwarded-method': 'POST' } });
    expect(reply.status).toBe(200);
    const direct = await startTestApp({
      databaseUrl: app.databaseUrl,
      env: { TRUST_PROXY: '192.0.2.0/24', TRUTH_LEASE_MS: '3000' },
    });
    expect(await check({ cookie, 'x-forwarded-method': 'POST' }, direct.url)).toBe('204');
    expect(await check({ cookie, 'x-original-method': 'DELETE' }, direct.url)).toBe('204');
    await direct.close();
  });
});

describe('CORS', () => {
  const CORS = /^access-control-|^vary$/;
  const ANSWER = {
    'access-control-allow-origin': LISTED,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'X-Request-Id, Retry-After, WWW-Authenticate',
    vary: 'Origin',
  };
  const corsOf = (headers: object) => Object.fromEntries(Object.entries(headers).filter(([name]) => CORS.test(name)));

  it('lets a listed origin read every answer, and no other origin any', async () => {
    const answers: [string, string, object][] = [
      ['GET', '/v1/config', {}],
      ['GET', '/v1/users/me', {}],
      ['GET', '/v1/users/me', { cookie: await freshCookie() }],
      ['POST', '/v1/auth/logout', { cookie: await freshCookie() }],
      ['POST', '/v1/auth/web/login', {}],
      ['GET', '/no-such-path', {}],
    ];
    for (const [method, path, headers] of answers) {
      for (const [name, origin] of Object.entries(ORIGINS)) {
        const reply = await client.call(method, path, undefined, {
          headers: { ...headers, ...(origin && { origin }) },
        });
        expect([path, name, corsOf(reply.headers)]).toEqual([path, name, name === 'listed' ? ANSWER : {}]);
      }
    }
  });

  it('answers a preflight of every path by its methods, to a listed origin alone', async () => {
    const byPath = Map.groupBy(routes(), ({ path }) => path);
    for (const [path, those] of byPath) {
      for (const [name, origin] of Object.entries(ORIGINS)) {
        if (origin === undefined) continue;
        const headers = { origin, 'access-control-request-method': 'DELETE' };
        const reply = await client.call('OPTIONS', concrete({ path }), undefined, { headers });
        expect([path, name, reply.status]).toEqual([path, name, 204]);
        const cors = corsOf(reply.headers);
        if (name !== 'listed') expect([path, name, cors]).toEqual([path, name, {}]);
        else {
          const { 'access-control-allow-methods': methods, ...rest } = cors as Record<string, string>;
          for (const { method } of those) expect(methods!.split(', ')).toContain(method);
          expect(rest).toEqual({
            'access-control-allow-origin': LISTED,
            'access-control-allow-credentials': 'true',
            'access-control-allow-headers': 'authorization, content-type, x-user-id, x-request-id',
            'access-control-max-age': '600',
            vary: 'Origin',
          });
        }
      }
    }
  });

  it('has OPTIONS that is no preflight refused, and takes no origin from Host', async () => {
    expect((await client.call('OPTIONS', '/v1/config', undefined, { headers: { origin: LISTED } })).code).toBe(
      'method_not_allowed',
    );
    const own = await client.get('/v1/config', { headers: { host: 'web.example', origin: 'https://evil.example' } });
    expect(corsOf(own.headers)).toEqual({});
  });
});
