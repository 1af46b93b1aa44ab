import { formatToken, makeToken } from '../../src/common/secret-token.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { SessionsService } from '../../src/sessions/sessions.service.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { hold } from '../support/barrier.js';
import {
  adminLogin,
  api,
  cookieOf,
  createUser,
  expectStatus,
  login,
  newSource,
  OWN_PAGE,
  webLogin,
  type Api,
  type Reply,
  type User,
  type WebLogin,
} from '../support/client.js';
import { FIRST_APP } from '../support/first-accounts.js';

const SET =
  /^__Host-session=([0-9a-f-]{36})\.(act_[0-9a-f]{32}_[\w-]{43}); Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=(\d+)$/;
const CLEARED = ['__Host-session=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0'];
const PASSWORD = 'harbour lights over granite';

let app: TestApp;
let client: Api;

beforeAll(async () => {
  app = await startTestApp({ env: { WEB_ORIGINS: 'https://web.example', TRUTH_LEASE_MS: '3000' } });
  client = api(app.url);
});
afterAll(() => app.close());

interface WebSession {
  userid: string;
  username: string;
  roles: string[];
  expiresAt: string;
  absoluteExpiresAt: string;
}

const tryWeb = (body: unknown, headers: Record<string, string> = {}): Promise<Reply<WebSession>> =>
  api(app.url).post('/v1/auth/web/login', body, { headers: { ...OWN_PAGE, ...headers } });
const signUp = (
  body: unknown,
  headers: Record<string, string> = {},
  source = newSource(),
): Promise<Reply<WebSession>> =>
  api(app.url).post('/v1/auth/web/signup', body, { headers: { ...OWN_PAGE, ...headers }, source });
const credentials = ({ username, password }: User) => ({ username, password });
const meStatus = async (as: WebLogin) => (await client.get('/v1/users/me', { as })).status;
const forgetLimits = () => app.db.query('DELETE FROM limits');
/** Every wait that six wrong tries have started lasts a minute more: none is over before the next try is made. */
const lengthenWaits = () =>
  app.db.query(`UPDATE limits SET wait_until = wait_until + interval '1 minute' WHERE wait_until IS NOT NULL`);
const cookieOfReply = (reply: Reply<unknown>): WebLogin => ({ cookie: cookieOf(reply) });

describe('a web login', () => {
  it('gives the session in the cookie and nowhere else', async () => {
    const user = await createUser(app.url);
    const reply = await tryWeb({ ...credentials(user), deviceName: 'Kitchen tablet' });
    const body = expectStatus(reply, 200);
    expect(Object.keys(body).toSorted()).toEqual(['absoluteExpiresAt', 'expiresAt', 'roles', 'userid', 'username']);
    expect(body).toMatchObject({ userid: user.userid, username: user.username, roles: ['user'] });
    const [, userid, , seconds] = SET.exec(reply.headers['set-cookie']![0]!)!;
    expect([userid, seconds]).toEqual([user.userid, '86400']);
    expect(Date.parse(body.absoluteExpiresAt) - Date.parse(body.expiresAt)).toBe(82_800_000);
    const as = cookieOfReply(reply);
    const me = expectStatus(await client.get<{ username: string }>('/v1/users/me', { as }), 200);
    expect(me.username).toBe(user.username);
    const { items } = expectStatus(await client.get<{ items: object[] }>('/v1/sessions', { as }), 200);
    expect(items).toMatchObject([{ mode: 'web', deviceName: 'Kitchen tablet', current: true }]);
  });

  it('folds the username, notes the login and is in the audit', async () => {
    const user = await createUser(app.url);
    expectStatus(await tryWeb({ ...credentials(user), username: user.username.toUpperCase() }), 200);
    const as = await adminLogin(app.url);
    const { lastLoginAt } = expectStatus(
      await client.get<{ lastLoginAt: string }>(`/v1/users/${user.userid}`, { as }),
      200,
    );
    expect(Date.now() - Date.parse(lastLoginAt)).toBeLessThan(60_000);
    const { items } = expectStatus(
      await client.get<{ items: object[] }>(`/v1/audit?userid=${user.userid}&action=login`, { as }),
      200,
    );
    expect(items).toMatchObject([{ actor: user.userid, detail: { mode: 'web' } }]);
  });

  it('is refused alike, after one hash, whoever it is that may not', async () => {
    const [disabled, deleted, wrong, off] = [
      await createUser(app.url),
      await createUser(app.url),
      await createUser(app.url),
      await createUser(app.url),
    ];
    const as = await adminLogin(app.url);
    expectStatus(await client.patch(`/v1/users/${disabled.userid}`, { status: 'disabled' }, { as }), 200);
    expectStatus(await client.delete(`/v1/users/${deleted.userid}`, { as }), 204);
    await app.db.query('UPDATE users SET web_failures = 100 WHERE userid = $1', [off.userid]);
    const tries = {
      unknown: { username: 'nobody-at-all', password: PASSWORD },
      'no name at all': { username: '%', password: PASSWORD },
      'wrong password': { username: wrong.username, password: PASSWORD },
      disabled: credentials(disabled),
      deleted: credentials(deleted),
      'password off': credentials(off),
      'app account': { username: FIRST_APP.username, password: FIRST_APP.password },
    };
    for (const [name, body] of Object.entries(tries)) {
      const before = app.get(PasswordHasher).calls.started;
      const { status, problem, headers } = await tryWeb(body);
      const { requestId: _, ...same } = problem;
      expect([name, status, same]).toEqual([
        name,
        401,
        { type: 'about:blank', title: 'Invalid credentials', status: 401, code: 'invalid_credentials' },
      ]);
      expect([name, headers['set-cookie'], app.get(PasswordHasher).calls.started - before]).toEqual([
        name,
        undefined,
        1,
      ]);
    }
  });

  it('takes a foreign page’s right password for nothing: no cookie, no session', async () => {
    const user = await createUser(app.url);
    const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    const reply = await api(app.url).post('/v1/auth/web/login', credentials(user), { headers: foreign });
    expect([reply.code, reply.headers['set-cookie']]).toEqual(['csrf', undefined]);
    const rows: unknown[] = await app.db.query('SELECT 1 FROM sessions WHERE userid = $1', [user.userid]);
    expect(rows).toEqual([]);
  });

  it('takes JSON alone, and checks fields after the page', async () => {
    expect((await tryWeb({ username: 'ada' })).code).toBe('invalid_request');
    expect((await tryWeb({ username: 'ada', password: 'x', apitoken: 'x' })).problem.errors).toEqual([
      { field: 'apitoken', message: 'is unknown' },
    ]);
    const form = await fetch(`${app.url}/v1/auth/web/login`, {
      method: 'POST',
      headers: { ...OWN_PAGE, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'username=ada&password=x',
    });
    expect(form.status).toBe(415);
  });

  it('looks at no other credentials: the route is public', async () => {
    const user = await createUser(app.url);
    const { userid, accesstoken } = await login(app.url, user);
    const headers = {
      'x-user-id': userid,
      authorization: `Bearer ${accesstoken}`,
      cookie: '__Host-session=a; __Host-session=b',
    };
    expectStatus(await tryWeb(credentials(user), headers), 200);
    expect((await client.get('/v1/users/me', { as: { userid, accesstoken } })).status).toBe(200);
  });
});

describe('a web login or sign-up that succeeds', () => {
  it('ends every session among the cookies that came with it, whoever’s they are', async () => {
    const [user, attacker] = [await createUser(app.url), await createUser(app.url)];
    const [planted, own, other] = [
      await webLogin(app.url, attacker),
      await webLogin(app.url, user),
      await webLogin(app.url, user),
    ];
    const cookie = `${planted.cookie}; theme=dark; ${own.cookie}; __Host-session=${attacker.userid}.${formatToken('act', makeToken())}`;
    const reply = await tryWeb(credentials(user), { cookie });
    const mine = cookieOfReply(reply);
    expect([planted.cookie, own.cookie]).not.toContain(mine.cookie);
    expect([await meStatus(planted), await meStatus(own), await meStatus(other), await meStatus(mine)]).toEqual([
      401, 401, 200, 200,
    ]);
    const signedUp = await signUp(
      { username: `u${makeToken().id.slice(0, 12)}`, password: PASSWORD },
      { cookie: mine.cookie },
    );
    expect([await meStatus(mine), await meStatus(cookieOfReply(signedUp))]).toEqual([401, 200]);
  });

  it('and one that fails ends none', async () => {
    const user = await createUser(app.url);
    const as = await webLogin(app.url, user);
    expect((await tryWeb({ ...credentials(user), password: PASSWORD }, as)).code).toBe('invalid_credentials');
    expect((await signUp({ username: user.username, password: PASSWORD }, as)).code).toBe('username_taken');
    expect(await meStatus(as)).toBe(200);
  });

  it('never takes a made-up session over', async () => {
    const user = await createUser(app.url);
    const made = { cookie: `__Host-session=${user.userid}.${formatToken('act', makeToken())}` };
    expect(await meStatus(made)).toBe(401);
    const reply = await tryWeb(credentials(user), made);
    expect(cookieOf(reply)).not.toBe(made.cookie);
    expect(await meStatus(made)).toBe(401);
  });
});

describe('web sign-up', () => {
  it('makes a user who is logged in, with no apitoken', async () => {
    const username = `u${makeToken().id.slice(0, 12)}`;
    const reply = await signUp({ username: username.toUpperCase(), password: PASSWORD });
    const body = expectStatus(reply, 201);
    expect(Object.keys(body).toSorted()).toEqual(['absoluteExpiresAt', 'expiresAt', 'roles', 'userid', 'username']);
    expect(body).toMatchObject({ username, roles: ['user'] });
    expect(reply.headers['set-cookie']).toEqual([expect.stringMatching(SET)]);
    const as = cookieOfReply(reply);
    const { items } = expectStatus(await client.get<{ items: object[] }>('/v1/users/me/apitokens', { as }), 200);
    expect(items).toEqual([]);
    // It proved its password just now, so it may make itself one.
    expectStatus(await client.post('/v1/users/me/apitokens', { name: 'First phone' }, { as }), 201);
    expectStatus(await tryWeb({ username, password: PASSWORD }), 200);
  });

  it('refuses what cannot be, then who had too many, then a name that is taken, and hashes nothing for these', async () => {
    const taken = await createUser(app.url);
    const source = newSource();
    const before = app.get(PasswordHasher).calls.started;
    const bad = await signUp({ username: '1', password: 'short' }, {}, source);
    expect(bad.problem.errors?.map(({ field }) => field)).toEqual(['username', 'password']);
    for (let i = 0; i < 5; i += 1) {
      expect((await signUp({ username: taken.username, password: PASSWORD }, {}, source)).code).toBe('username_taken');
    }
    const sixth = await signUp({ username: taken.username, password: PASSWORD }, {}, source);
    expect([sixth.code, Number(sixth.headers['retry-after']) > 3000]).toEqual(['rate_limited', true]);
    expect((await signUp({ username: '1', password: 'short' }, {}, source)).code).toBe('invalid_request');
    expect(app.get(PasswordHasher).calls.started).toBe(before);
    expectStatus(await signUp({ username: `u${makeToken().id.slice(0, 12)}`, password: PASSWORD }), 201);
  });

  it('has no path where it is closed, and says so in /v1/config', async () => {
    expect((await client.get('/v1/config')).body).toMatchObject({ webSignup: true, basicAuth: false });
    const closed = await startTestApp({
      databaseUrl: app.databaseUrl,
      env: { WEB_SIGNUP: 'closed', TRUTH_LEASE_MS: '3000' },
    });
    const there = api(closed.url);
    expect((await there.get('/v1/config')).body).toMatchObject({ webSignup: false });
    for (const method of ['POST', 'GET', 'OPTIONS', 'DELETE']) {
      for (const headers of [OWN_PAGE, { 'sec-fetch-site': 'cross-site' }]) {
        const body = method === 'POST' ? { username: 'ada', password: PASSWORD } : undefined;
        expect((await there.call(method, '/v1/auth/web/signup', body, { headers })).code).toBe('not_found');
      }
    }
    const user = await createUser(closed.url);
    expect(await webLogin(closed.url, user)).toMatchObject({ cookie: expect.any(String) as string });
    await closed.close();
  });
});

describe('a password that is to be set', () => {
  it('is named among all else that is wrong with the body', async () => {
    const fields = (reply: Reply<unknown>) => (reply.problem.errors ?? []).map(({ field }) => field).toSorted();
    const user = await createUser(app.url);
    const as = await login(app.url, user);
    const weak = { username: '1', password: 'short', extra: 1 };
    expect(fields(await signUp(weak))).toEqual(['extra', 'password', 'username']);
    expect(fields(await signUp({ username: '1', password: 7 }))).toEqual(['password', 'username']);
    const admin = await adminLogin(app.url);
    const { username } = user;
    // Like the username, which the body has or the session knows.
    const body = { username, password: `${username}1`, newPassword: `${username}1`, extra: 1 };
    expect(fields(await client.post('/v1/users', { ...body, newPassword: undefined }, { as: admin }))).toEqual([
      'extra',
      'password',
    ]);
    const change = { currentPassword: 7, newPassword: body.newPassword };
    expect(fields(await client.post('/v1/users/me/password', change, { as }))).toEqual([
      'currentPassword',
      'newPassword',
    ]);
    const reset = { username, newPassword: body.newPassword };
    expect(fields(await client.post('/v1/auth/password-reset', reset))).toEqual(['code', 'newPassword']);
  });
});

describe('a session', () => {
  it('of the web lives in the cookie alone, one of token mode in the headers alone', async () => {
    const user = await createUser(app.url);
    const [userid, accesstoken] = (await webLogin(app.url, user)).cookie.slice('__Host-session='.length).split('.') as [
      string,
      string,
    ];
    expect((await client.get('/v1/users/me', { as: { userid, accesstoken } })).code).toBe('unauthenticated');
    const token = await login(app.url, user);
    expect(await meStatus({ cookie: `__Host-session=${token.userid}.${token.accesstoken}` })).toBe(401);
  });

  it('is ambiguous beside any header, before anything else is looked at', async () => {
    const user = await createUser(app.url);
    const [{ cookie }, token] = [await webLogin(app.url, user), await login(app.url, user)];
    const besides: Record<string, string | string[]>[] = [
      { cookie, 'x-user-id': token.userid },
      { cookie, authorization: `Bearer ${token.accesstoken}` },
      { cookie, 'x-user-id': token.userid, authorization: `Bearer ${token.accesstoken}` },
      { cookie, authorization: 'Basic YTpi' },
      { cookie, authorization: '' },
      { cookie: `${cookie}; ${cookie}` },
      { cookie: '__Host-session=; __Host-session=' },
      { 'x-user-id': token.userid, authorization: 'Basic YTpi' },
    ];
    for (const headers of besides) {
      for (const [method, path] of [
        ['GET', '/v1/users/me'],
        ['POST', '/v1/auth/logout'],
        ['GET', '/v1/users'],
      ] as const) {
        const reply = await client.call(method, path, undefined, { headers });
        expect([Object.keys(headers), reply.code]).toEqual([Object.keys(headers), 'ambiguous_credentials']);
      }
    }
    expect(await meStatus({ cookie })).toBe(200);
  });

  it('that is over leaves the cookie alone: the browser may hold the next one already', async () => {
    const user = await createUser(app.url);
    const as = await webLogin(app.url, user);
    expectStatus(await client.post('/v1/auth/logout', undefined, { as }), 204);
    for (const [method, path] of [
      ['GET', '/v1/users/me'],
      ['POST', '/v1/auth/logout'],
      ['DELETE', '/v1/sessions'],
      ['DELETE', '/v1/users/me'],
    ] as const) {
      const { status, headers } = await client.call(method, path, undefined, { as });
      expect([status, headers['set-cookie'], headers['clear-site-data']]).toEqual([401, undefined, undefined]);
    }
  });
});

describe('the cookie is cleared', () => {
  it('by logout, with what the browser has kept', async () => {
    const as = await webLogin(app.url, await createUser(app.url));
    const { status, headers } = await client.post('/v1/auth/logout', undefined, { as });
    expect([status, headers['set-cookie'], headers['clear-site-data']]).toEqual([204, CLEARED, '"cache", "storage"']);
    expect(await meStatus(as)).toBe(401);
  });

  it('by ending all sessions and by deleting the account', async () => {
    const user = await createUser(app.url);
    const [first, second] = [await webLogin(app.url, user), await webLogin(app.url, user)];
    const ended = await client.delete('/v1/sessions', { as: first });
    expect([ended.status, ended.headers['set-cookie']]).toEqual([204, CLEARED]);
    expect([await meStatus(first), await meStatus(second)]).toEqual([401, 401]);
    const deleted = await client.delete('/v1/users/me', { as: await webLogin(app.url, user) });
    expect([deleted.status, deleted.headers['set-cookie']]).toEqual([204, CLEARED]);
  });

  it('where an admin does that to their own account as to any other, and not for somebody else', async () => {
    const admin = await adminLogin(app.url);
    const user = await createUser(app.url);
    const own = await createUser(app.url);
    expect((await client.put(`/v1/users/${own.userid}/roles/admin`, undefined, { as: admin })).status).toBe(204);
    for (const path of [`/v1/users/${own.userid}/sessions`, `/v1/users/${own.userid}`]) {
      const as = await webLogin(app.url, own);
      const other = await client.delete(path.replace(own.userid, user.userid), { as });
      expect([other.status, other.headers['set-cookie']]).toEqual([204, undefined]);
      const ended = await client.delete(path, { as });
      expect([ended.status, ended.headers['set-cookie']]).toEqual([204, CLEARED]);
    }
  });

  it('by nothing in token mode', async () => {
    const user = await createUser(app.url);
    for (const [method, path] of [
      ['POST', '/v1/auth/logout'],
      ['DELETE', '/v1/sessions'],
      ['DELETE', '/v1/users/me'],
    ] as const) {
      const { status, headers } = await client.call(method, path, undefined, { as: await login(app.url, user) });
      expect([status, headers['set-cookie'], headers['clear-site-data']]).toEqual([204, undefined, undefined]);
    }
  });
});

describe('a new session in place of this one', () => {
  const NEXT = 'violet quarry under frost';

  it.each<[string, string, string, object | undefined]>([
    ['re-authentication', 'POST', '/v1/auth/reauthenticate', { password: PASSWORD }],
    ['a password change', 'POST', '/v1/users/me/password', { currentPassword: PASSWORD, newPassword: NEXT }],
    ['the end of all others', 'DELETE', '/v1/sessions?keep=current', undefined],
  ])('comes as a new cookie, without an accesstoken: %s', async (_name, method, path, body) => {
    const user = await createUser(app.url, { password: PASSWORD });
    const as = await webLogin(app.url, user);
    const reply = await client.call(method, path, body, { as });
    expect(Object.keys(expectStatus(reply, 200) as object).toSorted()).toEqual(['absoluteExpiresAt', 'expiresAt']);
    const [, userid, , seconds] = SET.exec(reply.headers['set-cookie']![0]!)!;
    expect([userid, Number(seconds) > 86_390]).toEqual([user.userid, true]);
    const next = cookieOfReply(reply);
    expect([await meStatus(as), await meStatus(next)]).toEqual([401, 200]);
    const token = await login(app.url, { ...user, password: path.includes('password') ? NEXT : PASSWORD });
    const inTokenMode = await client.call<{ accesstoken: string }>(
      method,
      path,
      body && { ...body, ...(path.includes('me/password') ? { currentPassword: NEXT, newPassword: PASSWORD } : {}) },
      { as: token },
    );
    expect(expectStatus(inTokenMode, 200).accesstoken).toMatch(/^act_/);
    expect(inTokenMode.headers['set-cookie']).toBeUndefined();
  });

  it('keeps the absolute end where no password was proved: the cookie lives no longer', async () => {
    const user = await createUser(app.url);
    const [{ epoch }]: [{ epoch: string }] = await app.db.query(
      `SELECT world || '.' || epoch AS epoch FROM users, generation WHERE userid = $1`,
      [user.userid],
    );
    const { accesstoken } = await app.get(SessionsService).open(
      {
        ...{ userid: user.userid, epoch, mode: 'web', isApp: false, apitokenId: null, deviceName: null },
        ...{ notAfter: Date.now() + 100_000, authTime: null },
      },
      { ip: client.source, requestId: 'web-login-spec', userAgent: '', arrivedAt: performance.now() },
    );
    const as = { cookie: `__Host-session=${user.userid}.${accesstoken}` };
    const { headers } = await client.delete('/v1/sessions?keep=current', { as });
    const seconds = Number(SET.exec(headers['set-cookie']![0]!)![3]);
    expect(seconds).toBeGreaterThan(80);
    expect(seconds).toBeLessThanOrEqual(100);
  });
});

describe('cookie tossing', () => {
  it('never makes the attacker’s session the victim’s', async () => {
    const [victim, attacker] = [await createUser(app.url), await createUser(app.url)];
    const [mine, theirs] = [await webLogin(app.url, victim), await webLogin(app.url, attacker)];
    const value = theirs.cookie.slice('__Host-session='.length);
    const tossed: Record<string, string | string[]> = {
      'two of the name': `${mine.cookie}; ${theirs.cookie}`,
      'two of the name, the other way round': `${theirs.cookie}; ${mine.cookie}`,
      'in two headers': [mine.cookie, theirs.cookie],
      'wrong case beside it': `__host-session=${value}; ${mine.cookie}; __HOST-SESSION=${value}; __Host-Session=${value}`,
      'wrong case alone': `__host-session=${value}; __HOST-session=${value}`,
      quoted: `__Host-session="${value}"`,
      'a quoted name': `"__Host-session"=${value}`,
      'an empty name': `=__Host-session=${value}`,
      'an empty name beside it': `=__Host-session=${value}; ${mine.cookie}`,
      'no name': `${value}; ${mine.cookie}`,
      'other names': `session=${value}; __Secure-session=${value}; __Host-session2=${value}; ${mine.cookie}`,
      'blanks that are none': `\u00a0__Host-session=${value}; ${mine.cookie}; __Host-session\u00a0=${value}; \u0085__Host-session=${value}`,
      'a percent-encoded name': `__Host%2dsession=${value}; ${mine.cookie}`,
      'an old-style version': `$Version=1; __Host-session="${value}"; $Path="/"`,
      'commas for semicolons': `theme=dark, __Host-session=${value}`,
      'a second value behind it': `${mine.cookie}.${value}`,
      'the other’s accesstoken': `${mine.cookie.split('.')[0]}.${value.split('.')[1]}`,
      empty: '__Host-session=',
      'no value': '__Host-session',
      'a userid alone': `__Host-session=${attacker.userid}`,
      'prototype keys': `__proto__=${value}; constructor=${value}`,
      'as long as can be': `a=${'x'.repeat(12_000)}; ${mine.cookie}; b=${'y'.repeat(2_000)}`,
    };
    const answers: Record<string, string> = {};
    for (const [name, cookie] of Object.entries(tossed)) {
      const reply = await client.get<{ userid?: string }>('/v1/users/me', { headers: { cookie } });
      answers[name] = reply.body.userid === victim.userid ? 'victim' : `${reply.status} ${reply.code}`;
    }
    const both = '400 ambiguous_credentials';
    const nobody = '401 unauthenticated';
    expect(answers).toEqual({
      'two of the name': both,
      'two of the name, the other way round': both,
      'in two headers': both,
      'wrong case beside it': 'victim',
      'wrong case alone': nobody,
      quoted: nobody,
      'a quoted name': nobody,
      'an empty name': nobody,
      'an empty name beside it': 'victim',
      'no name': 'victim',
      'other names': 'victim',
      'blanks that are none': 'victim',
      'a percent-encoded name': 'victim',
      'an old-style version': nobody,
      'commas for semicolons': nobody,
      'a second value behind it': nobody,
      'the other’s accesstoken': nobody,
      empty: nobody,
      'no value': nobody,
      'a userid alone': nobody,
      'prototype keys': nobody,
      'as long as can be': 'victim',
    });
    const long = await client.get('/v1/users/me', { headers: { cookie: `${mine.cookie}; a=${'x'.repeat(16_384)}` } });
    expect(long.code).toBe('headers_too_large');
  });
});

describe('lock-outs', () => {
  it('of the web leave token mode alone: 200 wrong passwords, and the phone logs in at once', async () => {
    const user = await createUser(app.url);
    await webLogin(app.url, user);
    const answers = { 401: 0, 429: 0 } as Record<number, number>;
    const began = performance.now();
    for (let i = 0; i < 200; i += 1) {
      const { status } = await tryWeb({ username: user.username, password: `${PASSWORD} ${i}` });
      answers[status] = (answers[status] ?? 0) + 1;
    }
    // Six at once, and one more for each wait that is over by then: of 1 s, 2 s, 4 s.
    const seconds = (performance.now() - began) / 1000;
    expect(answers[401]).toBeLessThanOrEqual(6 + Math.floor(Math.log2(seconds + 1)));
    expect(answers[401]! + answers[429]!).toBe(200);
    await lengthenWaits();
    expect((await tryWeb(credentials(user))).code).toBe('rate_limited');
    const started = performance.now();
    const { userid } = await login(app.url, user);
    expect([userid, performance.now() - started < 20_000]).toEqual([user.userid, true]);
  });

  it('turn the password off on the web at 100, unseen from outside, until a login with the apitoken', async () => {
    const user = await createUser(app.url);
    await app.db.query('UPDATE users SET web_failures = 99 WHERE userid = $1', [user.userid]);
    expect((await tryWeb({ ...credentials(user), password: PASSWORD })).code).toBe('invalid_credentials');
    await forgetLimits();
    expect((await tryWeb(credentials(user))).code).toBe('invalid_credentials');
    await forgetLimits();
    await login(app.url, user);
    expectStatus(await tryWeb(credentials(user)), 200);
  });

  it('make names that do not exist wait as well', async () => {
    const codes: (string | null)[] = [];
    for (let i = 0; i < 8; i += 1) {
      codes.push((await tryWeb({ username: 'nobody-here', password: PASSWORD })).code);
      if (i === 5) await lengthenWaits();
    }
    expect(codes).toEqual([...Array<string>(6).fill('invalid_credentials'), 'rate_limited', 'rate_limited']);
  });

  it('leave a browser alone at a source that it has logged in from, by sign-up too', async () => {
    const username = `u${makeToken().id.slice(0, 12)}`;
    const home = newSource();
    expectStatus(await signUp({ username, password: PASSWORD }, {}, home), 201);
    for (let i = 0; i < 8; i += 1) await tryWeb({ username, password: `${PASSWORD}!` });
    await lengthenWaits();
    expect((await tryWeb({ username, password: PASSWORD })).code).toBe('rate_limited');
    expectStatus(
      await api(app.url, home).post('/v1/auth/web/login', { username, password: PASSWORD }, { headers: OWN_PAGE }),
      200,
    );
  });

  it('of token mode leave the web alone', async () => {
    const user = await createUser(app.url);
    for (let i = 0; i < 8; i += 1) {
      await api(app.url).post('/v1/auth/login', { ...credentials(user), password: PASSWORD, apitoken: user.apitoken });
    }
    await lengthenWaits();
    const phone = await api(app.url).post('/v1/auth/login', { ...credentials(user), apitoken: user.apitoken });
    expect(phone.code).toBe('rate_limited');
    expectStatus(await tryWeb(credentials(user)), 200);
  });
});

describe('an accesstoken in a URL', () => {
  it('ends its session where the userid stands in the cookie', async () => {
    const user = await createUser(app.url);
    const [leaked, other] = [await webLogin(app.url, user), await webLogin(app.url, user)];
    const accesstoken = leaked.cookie.split('.')[1]!;
    const nobodys = await client.get(`/v1/users/me?page=${accesstoken}`, { source: newSource() });
    expect([nobodys.code, await meStatus(leaked)]).toEqual(['credentials_in_url', 200]);
    const refused = await client.get(`/v1/users/me?page=${accesstoken}`, { as: other, source: newSource() });
    expect([refused.code, await meStatus(leaked), await meStatus(other)]).toEqual(['credentials_in_url', 401, 200]);
    const stillTheirs = await client.get(`/${other.cookie.split('.')[1]}`, {
      headers: { cookie: `a=b; ${other.cookie}` },
      source: newSource(),
    });
    expect([stillTheirs.code, stillTheirs.headers['set-cookie'], await meStatus(other)]).toEqual([
      'credentials_in_url',
      undefined,
      401,
    ]);
  });
});

describe('the session rules hold for the web', () => {
  it('a login in flight does not outlive a password change that was answered before it', async () => {
    const user = await createUser(app.url);
    const barrier = hold(app.get(SessionsService), 'open', 'before');
    const late = tryWeb(credentials(user));
    await barrier.reached;
    const { userid, accesstoken } = await login(app.url, user);
    const body = { currentPassword: user.password, newPassword: PASSWORD };
    expectStatus(await client.post('/v1/users/me/password', body, { as: { userid, accesstoken } }), 200);
    barrier.release();
    expect(await meStatus(cookieOfReply(await late))).toBe(401);
  });

  it('a reset code, a disable and the end of all sessions by an admin end it at once', async () => {
    const user = await createUser(app.url);
    const as = await adminLogin(app.url);
    const first = await webLogin(app.url, user);
    expectStatus(await client.delete(`/v1/users/${user.userid}/sessions`, { as }), 204);
    expect(await meStatus(first)).toBe(401);
    const second = await webLogin(app.url, user);
    const { code } = expectStatus(
      await client.post<{ code: string }>(`/v1/users/${user.userid}/password-reset`, undefined, { as }),
      201,
    );
    expectStatus(
      await client.post('/v1/auth/password-reset', { username: user.username, code, newPassword: PASSWORD }),
      204,
    );
    expect(await meStatus(second)).toBe(401);
    const third = await webLogin(app.url, { ...user, password: PASSWORD });
    expectStatus(await client.patch(`/v1/users/${user.userid}`, { status: 'disabled' }, { as }), 200);
    expect(await meStatus(third)).toBe(401);
  });
});
