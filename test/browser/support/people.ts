import type { Page } from 'playwright-core';
import { adminLogin, createUser, newSource, type User } from '../../support/client.js';
import { FIRST_ADMIN } from '../../support/first-accounts.js';
import type { OpenPage } from './open-page.js';
import type { PageOptions, TestBrowser } from './browser.js';
import type { Site } from './site.js';

/** Somebody at their browser. */
export interface Person {
  readonly user: User;
  readonly shown: OpenPage;
  readonly page: Page;
}

/** Fills in the log-in page that is shown, and sends it. */
export async function fillInLogin(
  page: Page,
  { username, password }: Pick<User, 'username' | 'password'>,
): Promise<void> {
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

/** Somebody new, logged in, at `path`. */
export async function arrive(
  { url }: Site,
  browser: TestBrowser,
  path: string,
  { user, ...options }: PageOptions & { user?: User } = {},
): Promise<Person> {
  const who = user ?? (await createUser(url));
  const shown = await browser.openPage({ source: newSource(), ...options });
  const { page } = shown;
  await page.goto(`${url}${path}`);
  await heading(page, 'Log in');
  await fillInLogin(page, who);
  await page.getByRole('heading', { name: 'Log in' }).waitFor({ state: 'hidden' });
  // The page itself: what is pressed while it is on its way meets a frame that is about to be another.
  await page.locator('h1', { hasNotText: 'Log in' }).waitFor();
  // The browser notes that the question who is logged in was answered: nobody.
  await shown.takeFaults(/status of 401 .*\/v1\/users\/me/);
  return { user: who, shown, page };
}

/** The first admin, logged in, at `path`. */
export async function arriveAsAdmin(
  site: Site,
  browser: TestBrowser,
  path: string,
  options: PageOptions = {},
): Promise<Person> {
  const { userid } = await adminLogin(site.url);
  return arrive(site, browser, path, { ...options, user: { ...FIRST_ADMIN, userid } });
}

/** Presses the button of the dialog that is open, and waits until it is done and the dialog gone. */
export async function confirm(page: Page, action: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: action, exact: true }).click();
  await dialog.waitFor({ state: 'hidden' });
}

/** Waits for the page of that name. */
export async function heading(page: Page, name: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
}
