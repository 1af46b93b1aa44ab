import { ConnectionError, createClient, login, memoryStore, tokenMode } from 'postern-client';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/barrier.js';
import { createUser, type User } from '../support/client.js';
import { standBetween, type Between, type Canned } from './between.js';

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

async function loggedIn() {
  const api = createClient({ baseUrl: between.url, mode: tokenMode({ store: memoryStore() }) });
  await login(api, user);
  between.seen.length = 0;
  between.headers.length = 0;
  return api;
}

function unavailable(retryAfter?: string): Canned {
  const wait = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
  const body = { type: 'about:blank', title: 'Unavailable', status: 503, code: 'unavailable', requestId: 'a' };
  return { status: 503, headers: { 'content-type': 'application/problem+json', ...wait }, body: JSON.stringify(body) };
}

describe('after 503 with Retry-After', () => {
  it('a GET is sent once more when the time is over', async () => {
    const api = await loggedIn();
    between.next('GET /v1/users/me', unavailable('1'));
    const from = performance.now();
    expect((await api.GET('/v1/users/me')).userid).toBe(user.userid);
    expect(performance.now() - from).toBeGreaterThan(990);
    expect(between.seen).toEqual(['GET /v1/users/me', 'GET /v1/users/me']);
  });

  it('a GET is sent once more and no oftener', async () => {
    const api = await loggedIn();
    between.next('GET /v1/users/me', unavailable('1'), unavailable('1'), unavailable('1'));
    await expect(api.GET('/v1/users/me')).rejects.toMatchObject({ code: 'unavailable', retryAfter: 1 });
    expect(between.seen).toHaveLength(2);
  });

  it.each([['POST'], ['DELETE']] as const)('a %s is not sent again', async (method) => {
    const api = await loggedIn();
    between.next(`${method} /v1/auth/logout`, unavailable('1'));
    between.next(`${method} /v1/sessions`, unavailable('1'));
    const asked = method === 'POST' ? api.POST('/v1/auth/logout') : api.DELETE('/v1/sessions');
    await expect(asked).rejects.toMatchObject({ code: 'unavailable' });
    expect(between.seen).toHaveLength(1);
  });

  it.each([
    ['no time', undefined],
    ['a date', 'Wed, 21 Oct 2026 07:28:00 GMT'],
    ['a time that is too long to wait', '31'],
  ])('a GET that is told %s is not sent again', async (_what, retryAfter) => {
    const api = await loggedIn();
    between.next('GET /v1/users/me', unavailable(retryAfter));
    await expect(api.GET('/v1/users/me')).rejects.toMatchObject({ code: 'unavailable' });
    expect(between.seen).toHaveLength(1);
  });

  it('the wait ends where the caller gives up', async () => {
    const api = await loggedIn();
    between.next('GET /v1/users/me', unavailable('20'));
    const given = new AbortController();
    const asked = api.GET('/v1/users/me', { signal: given.signal });
    const refused = expect(asked).rejects.toThrow('enough');
    await eventually(() => between.seen.length === 1);
    setTimeout(() => given.abort(new Error('enough')), 50);
    await refused;
    expect(between.seen).toHaveLength(1);
  });
});

describe('where no answer comes', () => {
  it.each([['request lost'], ['answer lost']] as const)('(%s) it is a ConnectionError, sent once', async (fate) => {
    const api = await loggedIn();
    between.next('DELETE /v1/sessions', fate);
    await expect(api.DELETE('/v1/sessions')).rejects.toThrow(ConnectionError);
    expect(between.seen).toHaveLength(1);
  });

  it('within the time that the client waits, it is a ConnectionError', async () => {
    const { mode } = await loggedIn();
    // Too little for a login on a busy machine.
    const hasty = createClient({ timeoutMs: 300, baseUrl: between.url, mode });
    between.next('GET /v1/users/me', { hold: new Promise(() => undefined) });
    await expect(hasty.GET('/v1/users/me')).rejects.toThrow(ConnectionError);
  });
});

describe('a 401', () => {
  it('to a request whose token was replaced meanwhile is repeated with the stored one, also if it is unsafe', async () => {
    const api = await loggedIn();
    let start!: () => void;
    const started = new Promise<void>((resolve) => (start = resolve));
    // It left with the first token, and comes to the service when the second has taken its place.
    const slow = createClient({
      baseUrl: between.url,
      mode: api.mode,
      fetch: async (request) => {
        await started;
        return fetch(request);
      },
    });
    const late = slow.POST('/v1/auth/logout');
    await api.POST('/v1/auth/reauthenticate', { body: { password: user.password } });
    start();
    await late;
    expect(between.seen).toEqual(['POST /v1/auth/reauthenticate', 'POST /v1/auth/logout', 'POST /v1/auth/logout']);
    expect(between.headers[1]!.authorization).not.toBe(between.headers[2]!.authorization);
    expect(await api.mode.session()).toBeNull();
  });

  it('that comes while the new token is still on its way waits for it', async () => {
    const api = await loggedIn();
    let answer!: () => void;
    between.next('POST /v1/auth/reauthenticate', { hold: new Promise<void>((resolve) => (answer = resolve)) });
    const replaced = api.POST('/v1/auth/reauthenticate', { body: { password: user.password } });
    const old = (await api.mode.session())!;
    await eventuallyRefused(old);
    const me = api.GET('/v1/users/me');
    await eventually(() => between.seen.includes('GET /v1/users/me'));
    setTimeout(answer, 100);
    expect((await me).userid).toBe(user.userid);
    await replaced;
    expect(between.seen.filter((route) => route === 'GET /v1/users/me')).toHaveLength(2);
  });

  it('to the stored token is the caller’s to know, sent once', async () => {
    const api = await loggedIn();
    const elsewhere = createClient({ baseUrl: app.url, mode: tokenMode({ store: memoryStore() }) });
    await login(elsewhere, user);
    await elsewhere.DELETE('/v1/sessions');
    await expect(api.GET('/v1/users/me')).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(between.seen).toEqual(['GET /v1/users/me']);
  });

  it('is not repeated as somebody else who has logged in meanwhile', async () => {
    const api = await loggedIn();
    const other = await createUser(app.url);
    const slow = createClient({
      baseUrl: between.url,
      mode: api.mode,
      fetch: async (request) => {
        if ((await api.mode.session())?.userid === user.userid) {
          await api.DELETE('/v1/sessions');
          await login(api, other);
        }
        return fetch(request);
      },
    });
    await expect(slow.POST('/v1/auth/logout')).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(between.seen.filter((route) => route === 'POST /v1/auth/logout')).toHaveLength(1);
    expect((await api.GET('/v1/users/me')).userid).toBe(other.userid);
  });
});

/** Until the service has replaced that session. */
async function eventuallyRefused({ userid, accesstoken }: { userid: string; accesstoken: string }): Promise<void> {
  const headers = { 'x-user-id': userid, authorization: `Bearer ${accesstoken}` };
  await eventually(async () => (await fetch(`${app.url}/v1/users/me`, { headers })).status === 401);
}
