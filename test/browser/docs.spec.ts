import { createUser, login, type TokenLogin, type User } from '../support/client.js';
import { FIRST_APP } from '../support/first-accounts.js';
import { startBrowser, type TestBrowser } from './support/browser.js';
import { startSite, type Site } from './support/site.js';
import { SwaggerPage } from './support/swagger-page.js';

let site: Site;
let browser: TestBrowser;

beforeAll(async () => {
  [site, browser] = await Promise.all([startSite(), startBrowser()]);
});
afterEach(() => browser.closePages());
afterAll(async () => {
  await browser.close();
  await site.close();
});

describe('/docs in a browser', () => {
  it('shows every route of openapi.json once', async () => {
    const { page } = await browser.openPage();
    const docs = new SwaggerPage(page);
    await docs.open(site.url);
    const { paths } = (await (await fetch(`${site.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    const routes = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect((await docs.operations()).toSorted()).toEqual(routes.toSorted());
  });

  it('takes a stranger from the app credential to a call of their own, and out again', async () => {
    const shown = await browser.openPage();
    const docs = new SwaggerPage(shown.page);
    await docs.open(site.url);
    await shown.screenshot('docs');

    const { username, password, apitoken } = FIRST_APP;
    const app = await docs.execute<TokenLogin>('POST /v1/auth/login', { body: { username, password, apitoken } });
    expect(app.status).toBe(200);
    await docs.authorize(app.body);

    const person = { username: 'stranger', password: 'teapots under a northern sky' };
    const made = await docs.execute<User>('POST /v1/users', { body: person });
    expect(made).toEqual({
      status: 201,
      body: { userid: expect.any(String), username: 'stranger', apitoken: expect.any(String) },
    });

    const login = await docs.execute<TokenLogin>('POST /v1/auth/login', {
      body: { ...person, apitoken: made.body.apitoken },
    });
    expect(login.body.userid).toBe(made.body.userid);
    await docs.authorize(login.body);
    await shown.screenshot('docs-answer');

    const me = await docs.execute('GET /v1/users/me');
    expect(me).toEqual({ status: 200, body: expect.objectContaining({ username: 'stranger', roles: ['user'] }) });
    const sessions = await docs.execute<{ items: unknown[] }>('GET /v1/sessions');
    expect(sessions.body.items).toEqual([expect.objectContaining({ mode: 'token', current: true })]);
    expect(await docs.execute('POST /v1/auth/logout')).toEqual({ status: 204, body: undefined });
    expect(await docs.execute('GET /v1/users/me')).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    await shown.takeFaults(/status of 401 .*\/v1\/users\/me/);
  });

  it('logs in as a browser does, and sends the cookie only where nothing is in Authorize', async () => {
    const shown = await browser.openPage();
    const docs = new SwaggerPage(shown.page);
    await docs.open(site.url);
    const [web, phone] = [await createUser(site.url), await createUser(site.url)];
    const { username, password } = web;
    const answer = await docs.execute('POST /v1/auth/web/login', { body: { username, password } });
    expect(answer).toEqual({ status: 200, body: expect.not.objectContaining({ accesstoken: expect.anything() }) });

    const byCookie = await docs.execute<{ items: unknown[] }>('GET /v1/sessions');
    expect(byCookie.body.items).toEqual([expect.objectContaining({ mode: 'web', current: true })]);

    await docs.authorize(await login(site.url, phone));
    const asked = shown.page.waitForRequest('**/v1/users/me');
    expect(await docs.execute('GET /v1/users/me')).toMatchObject({ status: 200, body: { username: phone.username } });
    const headers = await (await asked).allHeaders();
    expect([headers['x-user-id'], headers['cookie']]).toEqual([phone.userid, undefined]);

    await docs.deauthorize();
    expect(await docs.execute('GET /v1/users/me')).toMatchObject({ status: 200, body: { username } });
    expect(await docs.execute('POST /v1/auth/logout')).toEqual({ status: 204, body: undefined });
    expect(await docs.execute('GET /v1/users/me')).toMatchObject({ status: 401 });
    await shown.takeFaults(/status of 401 .*\/v1\/users\/me/);
  });
});
