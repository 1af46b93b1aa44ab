import type { Page } from 'playwright-core';
import { eventually } from '../support/barrier.js';
import { createUser, login, newSource, type User } from '../support/client.js';
import { startBrowser, type TestBrowser } from './support/browser.js';
import { expectNoAxeViolations, type OpenPage } from './support/open-page.js';
import { arrive, heading } from './support/people.js';
import { startSite, type Site } from './support/site.js';

let site: Site;
let browser: TestBrowser;
let user: User;

beforeAll(async () => {
  [site, browser] = await Promise.all([startSite(), startBrowser()]);
  user = await createUser(site.url, { username: 'marguerite' });
  await login(site.url, user);
});
afterEach(() => browser.closePages());
afterAll(async () => {
  await browser.close();
  await site.close();
});

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
] as const;
const LOOKS = [
  { width: 'desktop', colorScheme: 'light' },
  { width: 'desktop', colorScheme: 'dark' },
  { width: 'phone', colorScheme: 'light' },
  { width: 'phone', colorScheme: 'dark' },
] as const;

/** What docs/images keeps of all that is seen here. */
const PICTURES = new Set([
  ...['login-desktop-light', 'signup-phone-dark', 'account-desktop-light', 'sessions-desktop-light'],
  ...['sessions-phone-dark', 'made-desktop-dark', 'dialog-phone-light', 'refused-desktop-light'],
]);

/** Adds up how far what was shown has moved, as Chromium measures it (Layout Instability API). */
const WATCH_SHIFTS = `window.shifted = 0; new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted += entry.value;
}).observe({ type: 'layout-shift', buffered: true });`;

/** WCAG 2.2, 1.4.10, and the contract of these pages. */
const NARROWEST = 360;

async function expectWellMade(shown: OpenPage, name: string): Promise<void> {
  const { page } = shown;
  await page.waitForLoadState('networkidle');
  expect([name, await page.evaluate('window.shifted')]).toEqual([name, 0]);
  await expectNoAxeViolations(page);
  await picture(shown, name);
}

async function picture(shown: OpenPage, name: string): Promise<void> {
  if (PICTURES.has(name)) await shown.screenshot(name);
}

async function expectNoSideways(page: Page): Promise<void> {
  await page.setViewportSize({ width: NARROWEST, height: 740 });
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(NARROWEST);
}

const nameOf = (path: string) => path.split('/').at(-1)!;

describe.each(LOOKS)('on a $width, in $colorScheme', (look) => {
  it.each(OUTSIDE)('%s has no fault that axe finds, and nothing moves', async (path, title) => {
    const shown = await browser.openPage({ ...look, source: newSource() });
    await shown.page.addInitScript(WATCH_SHIFTS);
    await shown.page.goto(`${site.url}${path}`);
    await heading(shown.page, title);
    await expectWellMade(shown, `${nameOf(path)}-${look.width}-${look.colorScheme}`);
    if (look.width === 'phone') await expectNoSideways(shown.page);
    await shown.takeFaults(/status of 401 .*\/v1\/users\/me/);
  });

  it('neither have the pages of an account', async () => {
    const { page, shown } = await arrive(site, browser, '/account', { user, ...look });
    await page.addInitScript(WATCH_SHIFTS);
    for (const [path, title] of INSIDE) {
      await page.goto(`${site.url}${path}`);
      await heading(page, title);
      await expectWellMade(shown, `${nameOf(path)}-${look.width}-${look.colorScheme}`);
      if (look.width === 'phone') {
        const size = page.viewportSize()!;
        await expectNoSideways(page);
        await page.setViewportSize(size);
      }
    }
  });

  it('neither have the dialogs, the secret that is shown once and what was refused', async () => {
    const { page, shown } = await arrive(site, browser, '/account/apitokens', { user, ...look });
    await page.getByLabel('Name').fill('Kitchen radio');
    await page.getByRole('button', { name: 'Make apitoken' }).click();
    await page.getByRole('status').filter({ hasText: 'The apitoken of Kitchen radio' }).waitFor();
    await expectNoAxeViolations(page);
    await picture(shown, `made-${look.width}-${look.colorScheme}`);
    await page.getByRole('button', { name: 'Revoke Kitchen radio' }).first().click();
    await page.getByRole('dialog').waitFor();
    await settled(page);
    await expectNoAxeViolations(page);
    await picture(shown, `dialog-${look.width}-${look.colorScheme}`);
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.goto(`${site.url}/account/password`);
    await page.getByLabel('Current password').fill('this is not the password');
    await page.getByLabel('New password').fill('a lantern in the long grass');
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.getByRole('alert').waitFor();
    await settled(page);
    await expectNoAxeViolations(page);
    await picture(shown, `refused-${look.width}-${look.colorScheme}`);
    await shown.takeFaults(/status of 403/);
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
