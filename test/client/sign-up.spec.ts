import { randomBytes } from 'node:crypto';
import {
  AppCredentialError,
  createClient,
  fetchApitoken,
  keepAppCredential,
  login,
  memoryStore,
  signUp,
  tokenMode,
  type SecretStore,
} from 'postern-client';
import { startTestApp, type TestApp } from '../support/app.js';
import { createUser } from '../support/client.js';
import { FIRST_APP } from '../support/first-accounts.js';
import { standBetween, type Between, type Fate } from './between.js';

let app: TestApp;
let between: Between;

beforeAll(async () => {
  app = await startTestApp();
});
beforeEach(async () => {
  between = await standBetween(app.url);
});
afterEach(() => between.close());
afterAll(() => app.close());

/** A phone on which the app was just installed, or started again with what its store has. */
async function phone(store: SecretStore = memoryStore()) {
  await keepAppCredential(store, FIRST_APP);
  return createClient({ baseUrl: between.url, mode: tokenMode({ store }) });
}

function somebody() {
  const name = randomBytes(6).toString('hex');
  return { username: `ada-${name}`, password: `garden ${name} swing`, deviceName: 'Ada’s phone' };
}

describe('sign-up on a phone', () => {
  it('goes through the app credential and ends logged in as the user', async () => {
    const api = await phone();
    const user = somebody();
    const { userid } = await signUp(api, user);
    expect(await api.GET('/v1/users/me')).toMatchObject({ userid, username: user.username, roles: ['user'] });
    const { items } = await api.GET('/v1/sessions');
    expect(items).toMatchObject([{ current: true, mode: 'token', deviceName: 'Ada’s phone' }]);
  });

  it('leaves the apitoken in the store, so that later logins need username and password alone', async () => {
    const api = await phone();
    const user = somebody();
    const { userid } = await signUp(api, user);
    await api.POST('/v1/auth/logout');
    expect((await login(api, user)).userid).toBe(userid);
  });

  it('makes the account that was asked for where the request was lost', async () => {
    const api = await phone();
    between.next('POST /v1/users', 'request lost');
    await signUp(api, somebody());
    expect(between.seen).toEqual(['POST /v1/auth/login', 'POST /v1/users', 'POST /v1/users', 'POST /v1/auth/login']);
  });

  it('finds its own account again where the answer was lost', async () => {
    const api = await phone();
    const user = somebody();
    between.next('POST /v1/users', 'answer lost');
    const { userid } = await signUp(api, user);
    expect(await api.GET('/v1/users/me')).toMatchObject({ userid, username: user.username });
    expect(between.seen).toContain('POST /v1/apitokens');
  });

  it.each([
    ['a proxy’s 502', { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad gateway</h1>' }],
    [
      'outcome_unknown',
      { status: 503, headers: { 'content-type': 'application/problem+json' }, body: '{"code":"outcome_unknown"}' },
    ],
  ])('takes %s for an answer that says nothing', async (_what, answer) => {
    const api = await phone();
    between.next('POST /v1/users', answer);
    await signUp(api, somebody());
    expect(between.seen.filter((route) => route === 'POST /v1/users')).toHaveLength(2);
  });

  it.each<[string, Record<string, Fate[]>]>([
    ['the account was made', { 'POST /v1/users': ['answer lost', 'answer lost'] }],
    ['its apitoken was fetched', { 'POST /v1/users': ['answer lost'], 'POST /v1/apitokens': ['answer lost'] }],
    // The first login is the app's.
    ['it logged in', { 'POST /v1/auth/login': ['passes', 'answer lost'] }],
  ])('can be called again where the app was ended while %s', async (_when, fates) => {
    const store = memoryStore();
    const user = somebody();
    for (const [route, ofRoute] of Object.entries(fates)) between.next(route, ...ofRoute);
    await expect(signUp(await phone(store), user)).rejects.toMatchObject({ name: 'ConnectionError' });
    const again = await phone(store);
    await signUp(again, user);
    expect(await again.GET('/v1/users/me')).toMatchObject({ username: user.username });
  });

  it('gives the 409 where the name is somebody else’s, also after a lost request', async () => {
    const { username } = await createUser(app.url);
    const api = await phone();
    const user = { ...somebody(), username };
    await expect(signUp(api, user)).rejects.toMatchObject({ status: 409, code: 'username_taken' });
    expect(between.seen).not.toContain('POST /v1/apitokens');
    between.next('POST /v1/users', 'request lost');
    await expect(signUp(api, user)).rejects.toMatchObject({ status: 409, code: 'username_taken' });
    expect(between.seen).toContain('POST /v1/apitokens');
    expect(await api.mode.session()).toBeNull();
  });

  it('gives what is wrong with the password, by field', async () => {
    const refused = signUp(await phone(), { ...somebody(), password: 'short' });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request', errors: [{ field: 'password' }] });
  });

  it('tells an app credential that is refused from everything else', async () => {
    const api = await phone();
    const old = { ...FIRST_APP, apitoken: FIRST_APP.apitoken.replace(/.$/, 'x') };
    await expect(signUp(api, { ...somebody(), app: old })).rejects.toThrow(AppCredentialError);
    await api.mode.store.remove('app-credential');
    await expect(signUp(api, somebody())).rejects.toThrow('No app credential');
  });
});

describe('a second phone', () => {
  it('fetches an apitoken of its own and logs in with it', async () => {
    const user = await createUser(app.url);
    const api = await phone();
    await expect(login(api, { username: user.username, password: user.password })).rejects.toThrow('No apitoken');
    const { apitoken } = await fetchApitoken(api, { ...user, deviceName: 'Second phone' });
    expect(apitoken).not.toBe(user.apitoken);
    await login(api, { username: user.username, password: user.password });
    const { items } = await api.GET('/v1/users/me/apitokens');
    expect(items.map(({ name }) => name)).toContain('Second phone');
  });

  it('is refused with a wrong password', async () => {
    const { username } = await createUser(app.url);
    const refused = fetchApitoken(await phone(), { username, password: 'wrong as can be' });
    await expect(refused).rejects.toMatchObject({ status: 401, code: 'invalid_credentials' });
  });
});
