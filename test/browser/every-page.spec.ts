import type { Page } from 'playwright-core';
import { eventually } from '../support/barrier.js';
import { adminLogin, api, createUser, expectStatus, login, newSource, type User } from '../support/client.js';
import { FIRST_APP } from '../support/first-accounts.js';
import { startBrowser, type TestBrowser } from './support/browser.js';
import { expectNoAxeViolations, type OpenPage } from './support/open-page.js';
import { arrive, arriveAsAdmin, confirm, heading } from './support/people.js';
import { startSite, type Site } from './support/site.js';

let site: Site;
let browser: TestBrowser;
let user: User;

beforeAll(async () => {
  [site, browser] = await Promise.all([startSite(), startBrowser()]);
  user = await createUser(site.url, { username: 'marguerite' });
  await login(site.url, user);
  await furnish();
});
afterEach(() => browser.closePages());
afterAll(async () => {
  await browser.close();
  await site.close();
});

type Width = 'desktop' | 'phone';

const OUTSIDE = [
  ['/login', 'Log in'],
  ['/signup', 'Sign up'],
  ['/account/reset-password', 'Set a new password'],
] as const;
const INSIDE = [
  ['/account', 'Profile'],
  ['/account/password', 'Password'],
  ['/account/sessions', 'Sessions'],
  ['/account/apitokens', 'Apitokens'],
  ['/account/no-such-page', 'There is no such page'],
  ['/admin/users', 'Not allowed'],
] as const;
/** `:user` and `:app` stand for their userids. */
const FOR_ADMINS = [
  ['/admin', 'Administration', 'overview'],
  ['/admin/users', 'Users', 'users'],
  ['/admin/users/new', 'Make a user', 'make-user'],
  ['/admin/users/:user', 'marguerite', 'user'],
  ['/admin/users/:user/rights', 'marguerite', 'rights'],
  ['/admin/users/:user/sessions', 'marguerite', 'user-sessions'],
  ['/admin/users/:user/apitokens', 'marguerite', 'user-apitokens'],
  ['/admin/users/:user/history', 'marguerite', 'history'],
  ['/admin/roles', 'Roles', 'roles'],
  ['/admin/areas', 'Private areas', 'areas'],
  ['/admin/areas/reports', 'reports', 'area'],
  ['/admin/apps', 'App accounts', 'apps'],
  ['/admin/apps/:app', FIRST_APP.username, 'app'],
  ['/admin/audit', 'Audit log', 'audit'],
] as const;
const WIDTHS: readonly Width[] = ['desktop', 'phone'];
const SCHEMES = ['light', 'dark'] as const;

/** What docs/images keeps of all that is seen here. */
const PICTURES = new Set([
  ...['login-desktop-light', 'signup-phone-dark', 'sessions-desktop-light'],
  ...['sessions-phone-dark', 'made-desktop-dark', 'dialog-phone-light', 'refused-desktop-light'],
  ...['users-desktop-light', 'user-phone-dark', 'rights-desktop-dark', 'area-desktop-light', 'app-desktop-light'],
  ...['app-made-desktop-light', 'audit-desktop-light', 'delete-phone-light'],
]);

/** Adds up how far what was shown has moved, as Chromium measures it (Layout Instability API). */
const WATCH_SHIFTS = `window.shifted = 0; new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted += entry.value;
}).observe({ type: 'layout-shift', buffered: true });`;

/** WCAG 2.2, 1.4.10, and the contract of these pages. */
const NARROWEST = 360;

/** Something to see on the pages for admins. */
async function furnish(): Promise<void> {
  const as = await adminLogin(site.url);
  const admin = api(site.url);
  for (const username of ['odalys.brandt', 'tomasz_w', 'ines', 'a-username-as-long-as-it-may-be-']) {
    await createUser(site.url, { username });
  }
  expectStatus(await admin.post('/v1/roles', { name: 'editor', description: 'May change the reports' }, { as }), 201);
  expectStatus(await admin.post('/v1/areas', { name: 'reports', description: 'The monthly reports' }, { as }), 201);
  for (const path of [
    `/v1/users/${user.userid}/roles/editor`,
    '/v1/areas/reports/roles/editor',
    '/v1/areas/reports/usernames/marguerite',
    '/v1/areas/reports/usernames/ines',
  ]) {
    expectStatus(await admin.put(path, undefined, { as }), 204);
  }
}

/** In both color schemes; the page is loaded once for both. */
async function expectNoFaults(shown: OpenPage, name: string): Promise<void> {
  const { page } = shown;
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    await settled(page);
    await expectNoAxeViolations(page, { colorsAlone: colorScheme !== SCHEMES[0] });
    const picture = `${name}-${colorScheme}`;
    if (PICTURES.has(picture)) await shown.screenshot(picture);
  }
}

async function expectWellMade(shown: OpenPage, name: string, width: Width): Promise<void> {
  const { page } = shown;
  await page.waitForLoadState('networkidle');
  expect([name, await page.evaluate('window.shifted')]).toEqual([name, 0]);
  await expectNoFaults(shown, `${name}-${width}`);
  if (width === 'phone') await expectNoSideways(page, name);
}

async function expectNoSideways(page: Page, name: string): Promise<void> {
  const size = page.viewportSize()!;
  await page.setViewportSize({ width: NARROWEST, height: 740 });
  const width = (await page.evaluate('document.documentElement.scrollWidth')) as number;
  expect([name, Math.max(width, NARROWEST)]).toEqual([name, NARROWEST]);
  await page.setViewportSize(size);
}

const nameOf = (path: string) => path.split('/').at(-1)!;

async function appUserid(): Promise<string> {
  return (await login(site.url, FIRST_APP)).userid;
}

describe.each(WIDTHS)('on a %s, in light and dark', (width) => {
  it.each(OUTSIDE)('%s has no fault that axe finds, and nothing moves', async (path, title) => {
    const shown = await browser.openPage({ width, source: newSource() });
    await shown.page.addInitScript(WATCH_SHIFTS);
    await shown.page.goto(`${site.url}${path}`);
    await heading(shown.page, title);
    await expectWellMade(shown, nameOf(path), width);
    await shown.takeFaults(/status of 401 .*\/v1\/users\/me/);
  });

  it('neither have the pages of an account', async () => {
    const { page, shown } = await arrive(site, browser, '/account', { user, width });
    await page.addInitScript(WATCH_SHIFTS);
    for (const [path, title] of INSIDE) {
      await page.goto(`${site.url}${path}`);
      await heading(page, title);
      await expectWellMade(shown, nameOf(path).replace('users', 'not-allowed'), width);
    }
  });

  it('neither have the pages for admins', async () => {
    const { page, shown } = await arriveAsAdmin(site, browser, '/admin', { width });
    const app = await appUserid();
    await page.addInitScript(WATCH_SHIFTS);
    for (const [path, title, name] of FOR_ADMINS) {
      await page.goto(`${site.url}${path.replace(':user', user.userid).replace(':app', app)}`);
      await heading(page, title);
      await expectWellMade(shown, name, width);
    }
  });

  it('neither have the dialogs, the secret that is shown once, what was refused and what was done', async () => {
    const { page, shown } = await arrive(site, browser, '/account/apitokens', { user, width });
    await page.getByLabel('Name').fill('Kitchen radio');
    await page.getByRole('button', { name: 'Make apitoken' }).click();
    await page.getByRole('status').filter({ hasText: 'The apitoken of Kitchen radio' }).waitFor();
    await expectNoFaults(shown, `made-${width}`);
    await page.getByRole('button', { name: 'Revoke Kitchen radio' }).first().click();
    await page.getByRole('dialog').waitFor();
    await expectNoFaults(shown, `dialog-${width}`);
    await confirm(page, 'Revoke');
    await page.goto(`${site.url}/account/password`);
    await page.getByLabel('Current password').fill('this is not the password');
    await page.getByLabel('New password').fill('a lantern in the long grass');
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.getByText('Wrong password').waitFor();
    await expectNoFaults(shown, `refused-${width}`);
    await shown.takeFaults(/status of 403/);
    await page.getByLabel('Current password').fill(user.password);
    await page.getByLabel('New password').fill(`a lantern by the ${width}`);
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.getByRole('status').getByText('The password is changed').waitFor();
    user = { ...user, password: `a lantern by the ${width}` };
    await expectNoFaults(shown, `changed-${width}`);
  });

  it('neither have the dialogs and secrets for admins', async () => {
    const { page, shown } = await arriveAsAdmin(site, browser, '/admin/apps', { width });
    await page.getByLabel('Username').fill(`harbour-${width}`);
    await page.getByRole('button', { name: 'Make app account' }).click();
    await page.getByRole('status').filter({ hasText: 'The app credential of' }).waitFor();
    await expectNoFaults(shown, `app-made-${width}`);
    if (width === 'phone') await expectNoSideways(page, 'app-made');
    await page.goto(`${site.url}/admin/users/${user.userid}`);
    await page.getByRole('button', { name: 'Delete …' }).click();
    await page.getByRole('dialog').waitFor();
    await expectNoFaults(shown, `delete-${width}`);
  });
});

describe('on a phone', () => {
  it('the navigation opens and closes by keyboard, and brings people to a page', async () => {
    const { page } = await arrive(site, browser, '/account', { user, width: 'phone' });
    await page.getByRole('button', { name: 'Open the navigation' }).press('Enter');
    const drawer = page.getByRole('dialog');
    await drawer.getByRole('link', { name: 'Sessions' }).waitFor();
    await settled(page);
    await expectNoAxeViolations(page);
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Open the navigation' }).press('Enter');
    await drawer.getByRole('link', { name: 'Sessions' }).press('Enter');
    await heading(page, 'Sessions');
    await drawer.waitFor({ state: 'hidden' });
  });
});

describe('the colors', () => {
  it('are those of the system, or the chosen ones, from the first paint on and after logging out', async () => {
    const { page, shown } = await arrive(site, browser, '/account', { user, colorScheme: 'light' });
    const scheme = () => page.locator('html').getAttribute('data-mantine-color-scheme');
    expect(await scheme()).toBe('light');
    await page.getByRole('button', { name: 'Switch to dark colors' }).click();
    expect(await scheme()).toBe('dark');
    await page.getByRole('button', { name: 'Log out' }).click();
    await heading(page, 'Log in');
    await page.reload();
    await heading(page, 'Log in');
    await shown.takeFaults(/status of 401 .*\/v1\/users\/me/);
    expect(await scheme()).toBe('dark');
    await page.getByRole('button', { name: 'Switch to light colors' }).click();
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.getByRole('button', { name: 'Switch to light colors' }).waitFor();
    expect(await scheme()).toBe('dark');
  });
});

describe('the keyboard', () => {
  it('opens a dialog of the console, stays within, and is back at its button afterwards', async () => {
    const { page } = await arriveAsAdmin(site, browser, '/admin/roles');
    const button = page.getByRole('button', { name: 'Delete editor' });
    await button.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await settled(page);
    for (let presses = 0; presses < 4; presses += 1) {
      await page.keyboard.press('Tab');
      await dialog.locator(':focus').waitFor();
    }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await button.and(page.locator(':focus')).waitFor();
  });

  it('skips to the content first', async () => {
    const { page } = await arrive(site, browser, '/account', { user });
    await page.reload();
    await heading(page, 'Profile');
    await page.keyboard.press('Tab');
    await page.getByRole('link', { name: 'Skip to content' }).and(page.locator(':focus')).waitFor();
    await page.keyboard.press('Enter');
    await page.locator('#main:focus').waitFor();
  });
});

/** Transitions are over: axe judges the colors of what is half transparent as they are then. */
async function settled(page: Page): Promise<void> {
  const running = 'document.getAnimations().filter(({ playState }) => playState === "running").length';
  await eventually(async () => (await page.evaluate(running)) === 0);
}
