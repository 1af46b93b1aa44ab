import {
  basicMode,
  cookieMode,
  createClient,
  login,
  logout,
  memoryStore,
  ProblemError,
  tokenMode,
  type Mode,
} from 'postern-client';
import { startTestApp, type TestApp } from '../support/app.js';
import { createUser, phone, type User } from '../support/client.js';
import { standBetween, type Between } from './between.js';

let app: TestApp;
let between: Between;
let user: User;

beforeAll(async () => {
  app = await startTestApp();
});
beforeEach(async () => {
  between = await standBetween(app.url);
  user = await createUser(app.url);
});
afterEach(() => between.close());
afterAll(() => app.close());

/** The requests that a client in this mode sends, each answered with `{}`. */
function recorder(mode: Mode) {
  const sent: Request[] = [];
  const fetch = async (request: Request) => {
    sent.push(request);
    return Response.json({});
  };
  return { sent, api: createClient({ baseUrl: 'https://api.example.com', mode, fetch }) };
}

async function loggedIn(url = between.url) {
  const api = createClient({ baseUrl: url, mode: tokenMode({ store: memoryStore() }) });
  await login(api, user);
  return api;
}

describe('a mode says who is asking, and nothing else does', () => {
  it('cookie: the browser adds its cookie on its own origin, the client adds nothing', async () => {
    const { api, sent } = recorder(cookieMode());
    await api.GET('/v1/users/me');
    expect(sent[0]!.credentials).toBe('same-origin');
    expect([...sent[0]!.headers.keys()]).toEqual([]);
  });

  it('cookie: logs in on the web, calls, and logs out, with what a browser adds', async () => {
    let cookie = '';
    // What a browser does on the service's own origin.
    const browser = async (request: Request) => {
      const headers = { ...Object.fromEntries(request.headers), 'sec-fetch-site': 'same-origin', cookie };
      const answer = await fetch(request, { headers });
      for (const set of answer.headers.getSetCookie()) cookie = set.split(';')[0]!;
      return answer;
    };
    const api = createClient({ baseUrl: between.url, mode: cookieMode(), fetch: browser });
    const { username, password } = user;
    const given = await api.POST('/v1/auth/web/login', { body: { username, password } });
    expect(given).toMatchObject({ userid: user.userid, username, roles: ['user'] });
    expect((await api.GET('/v1/users/me')).userid).toBe(user.userid);
    await api.POST('/v1/auth/logout');
    await expect(api.GET('/v1/users/me')).rejects.toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  it('token: userid and accesstoken of the store, and never the cookie', async () => {
    const store = memoryStore();
    await store.set('session', JSON.stringify({ userid: 'u', accesstoken: 't' }));
    const { api, sent } = recorder(tokenMode({ store }));
    await api.GET('/v1/users/me');
    expect(sent[0]!.credentials).toBe('omit');
    expect(Object.fromEntries(sent[0]!.headers)).toEqual({ 'x-user-id': 'u', authorization: 'Bearer t' });
  });

  it('basic: username and password in UTF-8, and never the cookie', async () => {
    const { api, sent } = recorder(basicMode({ username: 'ada', password: 'ключ и замок: ä' }));
    await api.GET('/v1/users/me');
    expect(sent[0]!.credentials).toBe('omit');
    const [scheme, value] = sent[0]!.headers.get('authorization')!.split(' ');
    expect([scheme, Buffer.from(value!, 'base64').toString()]).toEqual(['Basic', 'ada:ключ и замок: ä']);
  });

  it.each([['authorization'], ['X-User-Id'], ['Cookie']])('refuses a header %s beside it', async (name) => {
    for (const mode of [cookieMode(), tokenMode({ store: memoryStore() })]) {
      const { api, sent } = recorder(mode);
      await expect(api.GET('/v1/users/me', { headers: { [name]: 'x' } })).rejects.toThrow(TypeError);
      expect(sent).toEqual([]);
    }
  });

  it('follows no redirect, which would take the credentials elsewhere', async () => {
    const api = await loggedIn();
    between.next('GET /v1/users/me', { status: 307, headers: { location: `${app.url}/v1/users/me` } });
    await expect(api.GET('/v1/users/me')).rejects.toMatchObject({ status: 307, code: 'unknown' });
  });
});

describe('basic mode against a service that has it on', () => {
  let withBasic: TestApp;

  beforeAll(async () => {
    const env = { BASIC_AUTH: 'true', SECRET_KEY: 'k'.repeat(32) };
    withBasic = await startTestApp({ store: 'redis', env });
  });
  afterAll(() => withBasic.close());

  /** As a proxy before the service says that it came. */
  function over(scheme: 'http' | 'https', { username, password }: User) {
    const fetch = async (request: Request) => {
      request.headers.set('x-forwarded-proto', scheme);
      return globalThis.fetch(request);
    };
    return createClient({ baseUrl: withBasic.url, mode: basicMode({ username, password }), fetch });
  }

  it('calls with username and password in UTF-8, over HTTPS alone', async () => {
    const ada = await createUser(withBasic.url, { password: 'ключ и замок: äöü' });
    expect((await over('https', ada).GET('/v1/users/me')).userid).toBe(ada.userid);
    await expect(over('http', ada).GET('/v1/users/me')).rejects.toMatchObject({ code: 'https_required' });
    await expect(over('https', ada).GET('/v1/sessions')).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('an answer', () => {
  it('is its body, typed by its route; a route without one gives undefined', async () => {
    const api = await loggedIn();
    const me = await api.GET('/v1/users/me');
    const roles: string[] = me.roles;
    expect([me.userid, roles]).toEqual([user.userid, ['user']]);
    const nothing: undefined = await api.POST('/v1/auth/logout');
    expect(nothing).toBeUndefined();
    // @ts-expect-error: there is no such member
    expect(me.password).toBeUndefined();
  });

  it('of a refusal is a ProblemError that has what the API said', async () => {
    const api = await loggedIn();
    // The type allows it, the route does not know it.
    const refused = api.POST('/v1/auth/login', { body: user });
    await expect(refused).rejects.toMatchObject({
      name: 'ProblemError',
      status: 422,
      code: 'invalid_request',
      title: 'Invalid request',
      requestId: expect.stringMatching(/^[\w-]{8,64}$/),
      errors: [{ field: 'userid', message: expect.any(String) }],
    });
    await expect(refused).rejects.toBeInstanceOf(ProblemError);
  });

  it('that makes somebody wait says for how many seconds', async () => {
    const api = phone(app.url);
    const guess = () => login(api, { ...user, apitoken: user.apitoken, password: 'wrong as can be' });
    for (let tries = 1; tries <= 6; tries += 1) await expect(guess()).rejects.toMatchObject({ status: 401 });
    // Its wait of a second may be over before the next try: here it lasts for a minute.
    await app.db.query(`UPDATE limits SET wait_until = now() + interval '1 minute' WHERE wait_until IS NOT NULL`);
    const refused = await guess().catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 429, code: 'rate_limited', retryAfter: expect.any(Number) });
    const { retryAfter } = refused as ProblemError;
    expect(retryAfter).toBeGreaterThan(30);
    expect(retryAfter).toBeLessThanOrEqual(60);
  });

  it.each([
    [502, 'text/html', '<h1>Bad gateway</h1>'],
    [404, 'application/json', '{"code":"not_found"}'],
    [500, 'application/problem+json', 'no JSON'],
    [200, 'text/html', '<h1>Welcome to the airport</h1>'],
  ])('%i %s that is not the service’s is a ProblemError with code unknown', async (status, type, body) => {
    const api = await loggedIn();
    between.next('GET /v1/users/me', { status, headers: { 'content-type': type }, body });
    await expect(api.GET('/v1/users/me')).rejects.toMatchObject({ name: 'ProblemError', status, code: 'unknown' });
  });
});

describe('the stored session', () => {
  it('is there after a login, used by every call, and gone after logout', async () => {
    const api = await loggedIn();
    expect(await api.mode.session()).toEqual({ userid: user.userid, accesstoken: expect.stringMatching(/^act_/) });
    await logout(api);
    expect(await api.mode.session()).toBeNull();
    await expect(api.GET('/v1/users/me')).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('gives way to the one that re-authentication, a new password and the end of all others answer with', async () => {
    const api = await loggedIn();
    const { password } = user;
    const tokens = new Set<string>();
    const remember = async () => tokens.add((await api.mode.session())!.accesstoken);
    await remember();
    await api.POST('/v1/auth/reauthenticate', { body: { password } });
    await remember();
    const newPassword = `${password} again`;
    await api.POST('/v1/users/me/password', { body: { currentPassword: password, newPassword } });
    await remember();
    await api.DELETE('/v1/sessions', { params: { query: { keep: 'current' } } });
    await remember();
    expect(tokens.size).toBe(4);
    expect((await api.GET('/v1/users/me')).userid).toBe(user.userid);
  });

  it('is gone when all sessions are ended or the account is deleted', async () => {
    const api = await loggedIn();
    await api.DELETE('/v1/sessions');
    expect(await api.mode.session()).toBeNull();
    await login(api, user);
    await api.DELETE('/v1/users/me');
    expect(await api.mode.session()).toBeNull();
  });

  it('stays where a logout was not answered, and goes where the service says that it is over', async () => {
    const api = await loggedIn();
    between.next('POST /v1/auth/logout', 'answer lost');
    await expect(logout(api)).rejects.toMatchObject({ name: 'ConnectionError' });
    expect(await api.mode.session()).not.toBeNull();
    await logout(api);
    expect(await api.mode.session()).toBeNull();
  });

  it('of somebody who logged in meanwhile is not touched by an answer that was still on its way', async () => {
    const api = await loggedIn();
    const other = await createUser(app.url);
    let answer!: () => void;
    between.next('POST /v1/auth/reauthenticate', { hold: new Promise<void>((resolve) => (answer = resolve)) });
    const late = api.POST('/v1/auth/reauthenticate', { body: { password: user.password } });
    await login(api, other);
    answer();
    await late;
    expect((await api.GET('/v1/users/me')).userid).toBe(other.userid);
  });
});
