import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, Page } from 'playwright-core';
import { eventually } from '../support/barrier.js';
import { adminLogin, api, createUser, expectStatus, type TokenLogin } from '../support/client.js';
import { FIRST_ADMIN } from '../support/first-accounts.js';
import { freePort } from '../support/ports.js';
import { ATTACKS, READS } from './support/attacks.js';
import { startBrowser, type TestBrowser } from './support/browser.js';
import { startRecordingProxy, type Recorded, type RecordingProxy } from './support/recording-proxy.js';
import { startSite, type Site } from './support/site.js';

/** What the victim is logged in at; in front of the site, to see what reaches it. */
let service: string;
let site: Site;
let proxy: RecordingProxy;
let browser: TestBrowser;
let hostile: Server;
let context: BrowserContext;
let admin: TokenLogin;

const HOSTILE_PAGE = '<!doctype html><title>Kittens</title><iframe name="hidden" hidden></iframe>';
/** A page on another port is the same site to a browser, one on another name is not. */
const PLACES = ['localhost', 'evil.test'] as const;

beforeAll(async () => {
  const port = await freePort();
  service = `http://localhost:${port}`;
  site = await startSite({ WEB_ORIGINS: service });
  proxy = await startRecordingProxy(port, site.port);
  hostile = createServer((request, response) => {
    const link = request.url === '/link' ? `<a href="${service}/v1/users/me">More kittens</a>` : '';
    response.setHeader('content-type', 'text/html').end(HOSTILE_PAGE + link);
  });
  await once(hostile.listen(0, '127.0.0.1'), 'listening');
  browser = await startBrowser({ hostRules: 'MAP evil.test 127.0.0.1' });
  admin = await adminLogin(site.url);
  await createUser(site.url, { username: 'mallory', password: 'crows sleep on the mast' });
  const { page } = await browser.openPage({ mayComplain: true });
  context = page.context();
  await logIn(page, service);
  await page.close();
  proxy.taken();
});
afterAll(async () => {
  await browser?.close();
  hostile?.close();
  await proxy?.close();
  await site?.close();
});

/** Logs the first admin in by a page of the service's own, and stays there. */
async function logIn(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/docs`);
  const { username, password } = FIRST_ADMIN;
  expect(
    await page.evaluate(async (body) => {
      const headers = { 'content-type': 'application/json' };
      return (await fetch('/v1/auth/web/login', { method: 'POST', headers, body })).status;
    }, JSON.stringify({ username, password })),
  ).toBe(200);
}

async function hostilePage(place: string, path = '/'): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`http://${place}:${(hostile.address() as AddressInfo).port}${path}`);
  return page;
}

/** All that an attack could change: who is logged in where, what there is, what it is called. */
async function world(): Promise<unknown> {
  const paths = ['/v1/roles', '/v1/areas', '/v1/users', '/v1/sessions', '/v1/users/me/apitokens'];
  const replies = await Promise.all(paths.map((path) => api(site.url).get<{ items: object[] }>(path, { as: admin })));
  const items = replies.flatMap((reply) => expectStatus(reply, 200).items);
  return items.map((item) => ({ ...item, lastSeenAt: null, expiresAt: null }));
}

/** How that was answered: a page that was left may still have asked for something of its own. */
function askedForMe(): Recorded | undefined {
  return proxy.taken().find(({ path }) => path === '/v1/users/me');
}

async function sessionCookie(): Promise<string | undefined> {
  return (await context.cookies(service)).find(({ name }) => name === '__Host-session')?.value;
}

describe.each(PLACES)('a hostile page on %s', (place) => {
  it.each(ATTACKS)('changes nothing by $name', async ({ run, preflighted, wrongType }) => {
    const page = await hostilePage(place);
    const [before, cookie] = [await world(), await sessionCookie()];
    proxy.taken();
    await page.evaluate(run, service);
    const seen: ReturnType<RecordingProxy['taken']> = [];
    await eventually(() => seen.push(...proxy.taken()) > 0);
    await page.close();
    // The cookie goes with what comes from another port, and what asks first (OPTIONS) never has one.
    const sameSite = place === 'localhost';
    const refused = wrongType ? 415 : sameSite ? 403 : 401;
    const expected = preflighted
      ? { method: 'OPTIONS', cookie: false, status: 204 }
      : { method: 'POST', cookie: sameSite, status: refused };
    const site = sameSite ? 'same-site' : 'cross-site';
    expect(seen.map(({ path: _path, ...record }) => record)).toEqual([{ ...expected, fetchSite: site }]);
    expect(await world()).toEqual(before);
    expect(await sessionCookie()).toBe(cookie);
  });

  it.each(READS)('learns nothing by $name', async ({ run }) => {
    const page = await hostilePage(place);
    proxy.taken();
    expect(await page.evaluate(run, service)).toBeNull();
    await page.close();
    const [seen] = proxy.taken();
    expect([seen!.cookie, seen!.status]).toEqual(place === 'evil.test' ? [false, 401] : [true, 200]);
  });

  it.each(['/docs', '/login', '/account', '/admin'])('shows %s in no frame', async (path) => {
    const page = await hostilePage(place);
    await page.evaluate((src) => {
      const frame = document.createElement('iframe');
      frame.src = src;
      document.body.append(frame);
      return new Promise((resolve) => (frame.onload = resolve));
    }, service + path);
    const shown = page.frames().map((frame) => frame.url());
    expect(shown.filter((url) => url.startsWith(service))).toEqual([]);
    await page.close();
  });
});

describe('the session cookie', () => {
  it('is kept by the browser with exactly the attributes that the contract names', async () => {
    const [cookie] = await context.cookies(service);
    expect(cookie).toMatchObject({
      name: '__Host-session',
      path: '/',
      domain: 'localhost',
      secure: true,
      httpOnly: true,
      sameSite: 'Strict',
    });
    const page = await context.newPage();
    await page.goto(`${service}/docs`);
    expect(await page.evaluate(() => document.cookie)).toBe('');
    await page.close();
  });

  it('does not come along with a link from another site, and does again when the address is typed', async () => {
    const page = await hostilePage('evil.test', '/link');
    proxy.taken();
    await page.getByText('More kittens').click();
    await page.waitForURL(`${service}/v1/users/me`);
    expect(askedForMe()).toMatchObject({ cookie: false, fetchSite: 'cross-site', status: 401 });
    await page.goto(`${service}/v1/users/me`);
    expect(askedForMe()).toMatchObject({ cookie: true, fetchSite: 'none', status: 200 });
    await page.close();
  });

  it('is kept from http://127.0.0.1 as well', async () => {
    const { page } = await browser.openPage({ mayComplain: true });
    const url = service.replace('localhost', '127.0.0.1');
    await logIn(page, url);
    proxy.taken();
    await page.goto(`${url}/v1/users/me`);
    expect(askedForMe()).toMatchObject({ cookie: true, status: 200 });
  });
});
