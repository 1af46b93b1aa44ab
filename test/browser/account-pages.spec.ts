import type { Page } from 'playwright-core';
import { api, createUser, expectStatus, login } from '../support/client.js';
import { startBrowser, type TestBrowser } from './support/browser.js';
import { arrive, fillInLogin, heading } from './support/people.js';
import { startSite, type Site } from './support/site.js';

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

const NEW_PASSWORD = 'nine kites over the harbour';
const NOBODY_IS_LOGGED_IN = /status of 401 .*\/v1\/users\/me/;

/** Back at the window after a minute: what is known is old by then, and asked for anew. */
async function lookAgainLater(page: Page): Promise<void> {
  await page.evaluate('{ const now = Date.now; Date.now = () => now() + 60_000; }');
  await page.evaluate("window.dispatchEvent(new Event('visibilitychange'))");
}

describe('the password page', () => {
  it('shows errors by field, changes the password, ends the other sessions, and is left when this one ends', async () => {
    const { page, shown, user } = await arrive(site, browser, '/account/password');
    const other = await login(site.url, user);
    await page.getByLabel('Current password').fill('this is not the password');
    await page.getByLabel('New password').fill(NEW_PASSWORD);
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.getByText('Wrong password').waitFor();
    await page.locator('input[data-path="currentPassword"]:focus').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    await shown.takeFaults(/status of 403/);
    await page.getByLabel('Current password').fill(user.password);
    await page.getByLabel('New password').fill('short');
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.getByText('Must be at least 15 characters long').waitFor();
    await shown.takeFaults(/status of 422/);
    await page.getByLabel('New password').fill(NEW_PASSWORD);
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.getByRole('status').getByText('The password is changed').waitFor();
    const { status } = await fetch(`${site.url}/v1/users/me`, {
      headers: { 'x-user-id': other.userid, authorization: `Bearer ${(other as { accesstoken: string }).accesstoken}` },
    });
    expect(status).toBe(401);
    await page.getByRole('link', { name: 'Profile' }).click();
    await page.getByRole('heading', { name: user.username }).waitFor();

    const elsewhere = await login(site.url, { ...user, password: NEW_PASSWORD });
    expectStatus(await api(site.url).delete('/v1/sessions', { as: elsewhere }), 204);
    await lookAgainLater(page);
    await heading(page, 'Log in');
    expect(page.url()).toBe(`${site.url}/login?next=%2Faccount`);
    await shown.takeFaults(NOBODY_IS_LOGGED_IN);
  });
});

describe('the sessions page', () => {
  it('says where somebody is logged in, and ends one, all others, all', async () => {
    const user = await createUser(site.url);
    await login(site.url, user);
    await login(site.url, user);
    const { page } = await arrive(site, browser, '/account/sessions', { user });
    const rows = page
      .getByRole('table', { name: 'Your sessions' })
      .getByRole('row')
      .filter({ hasNot: page.getByRole('columnheader') });
    await rows.nth(2).waitFor();
    const current = rows.filter({ hasText: 'This one' });
    expect(await current.innerText()).toMatch(
      /Chrome on Linux[\s\S]*just now[\s\S]*in .* if not used[\s\S]*At the latest (?:in|tomorrow)/,
    );
    expect(await current.getByRole('button').count()).toBe(0);

    await rows.filter({ hasText: 'App or script' }).first().getByRole('button', { name: 'End' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End session' }).click();
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await rows.nth(2).waitFor({ state: 'hidden' });
    expect(await rows.count()).toBe(2);
    await page.locator('h1:focus').waitFor();
    await page.getByRole('status').getByText('Done: End session').waitFor();

    await page.getByRole('button', { name: 'End all others' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End all others' }).click();
    await rows.nth(1).waitFor({ state: 'hidden' });
    expect(await rows.innerText()).toContain('This one');

    await page.getByRole('button', { name: 'End all', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End all', exact: true }).click();
    await heading(page, 'Log in');
  });
});

describe('the apitokens page', () => {
  it('makes one that works, shows it this once, and revokes it', async () => {
    const { page, user } = await arrive(site, browser, '/account/apitokens');
    await page.getByLabel('Name').fill('Kitchen radio');
    await page.getByLabel('Expires').selectOption({ label: 'In 30 days' });
    await page.getByRole('button', { name: 'Make apitoken' }).click();
    const made = page.getByRole('status').filter({ hasText: 'The apitoken of Kitchen radio' });
    const apitoken = /apt_[0-9a-f]{32}_[\w-]{43}/.exec(await made.innerText())![0];
    const row = page.getByRole('row').filter({ hasText: 'Kitchen radio' });
    expect(await row.innerText()).toMatch(/in (?:29|30) days/);
    await page.reload();
    await row.waitFor();
    expect(await page.content()).not.toContain(apitoken);

    await login(site.url, { ...user, apitoken });
    await row.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').getByText('It cannot be brought back').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await row.waitFor({ state: 'hidden' });
    await expect(login(site.url, { ...user, apitoken })).rejects.toMatchObject({ code: 'invalid_credentials' });
  });

  it('copies the secret to the clipboard, and says when the list could not be read anew', async () => {
    const { page, shown } = await arrive(site, browser, '/account/apitokens');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: site.url });
    const rows = page.getByRole('table', { name: 'Your apitokens' }).getByRole('row');
    await rows.filter({ hasText: 'first' }).waitFor();
    const lists = '**/v1/users/me/apitokens';
    await page.route(lists, (route) => (route.request().method() === 'GET' ? route.abort() : route.continue()));
    await page.getByLabel('Name').fill('Garden gate');
    await page.getByRole('button', { name: 'Make apitoken' }).click();
    await page.getByRole('alert').getByText('The service could not be reached').waitFor();
    expect(await rows.filter({ hasText: 'first' }).count()).toBe(1);
    await shown.takeFaults(/ERR_FAILED/);
    await page.unroute(lists);
    await page.getByRole('button', { name: 'Try again' }).click();
    await rows.filter({ hasText: 'Garden gate' }).waitFor();
    await page.getByRole('alert').waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toMatch(/^apt_/);
  });
});

describe('deleting the account', () => {
  it('says what is lost before, and then it is', async () => {
    const { page, shown, user } = await arrive(site, browser, '/account');
    await page.getByRole('button', { name: 'Delete my account …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(`The name ${user.username} stays taken`).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Delete my account …' }).click();
    await dialog.getByRole('button', { name: 'Delete my account' }).click();
    await heading(page, 'Log in');
    await fillInLogin(page, user);
    await page.getByRole('alert').getByText('Invalid credentials').waitFor();
    await shown.takeFaults(/status of 401/);
  });
});

describe('what asks for a password proved lately', () => {
  let strict: Site;
  beforeAll(async () => {
    strict = await startSite();
  });
  afterAll(() => strict.close());

  it('opens a dialog, repeats the call with the right password, and does nothing without', async () => {
    const { page, shown, user } = await arrive(strict, browser, '/account/apitokens');
    await page.getByRole('link', { name: 'Profile' }).click();
    await heading(page, 'Profile');
    await page.getByRole('link', { name: 'Apitokens' }).click();
    await heading(page, 'Apitokens');
    await strict.forgetProofs();
    await page.getByLabel('Name').fill('Attic lamp');
    await page.getByRole('button', { name: 'Make apitoken' }).click();
    const dialog = page.getByRole('dialog', { name: 'Your password, once more' });
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    const { body } = await api(strict.url).get('/v1/users/me/apitokens', { as: await login(strict.url, user) });
    expect(body).toMatchObject({ items: [{ name: 'first' }] });

    await page.getByRole('button', { name: 'Make apitoken' }).click();
    await dialog.waitFor();
    await page.goBack();
    await heading(page, 'Profile');
    await dialog.waitFor({ state: 'hidden' });
    await page.goForward();
    await heading(page, 'Apitokens');
    await page.getByLabel('Name').fill('Attic lamp');

    await page.getByRole('button', { name: 'Make apitoken' }).click();
    await dialog.getByLabel('Password', { exact: true }).fill('this is not the password');
    await dialog.getByRole('button', { name: 'Go on' }).click();
    await dialog.getByRole('alert').getByText('Wrong password').waitFor();
    await dialog.getByLabel('Password', { exact: true }).fill(user.password);
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await page.getByRole('status').filter({ hasText: 'The apitoken of Attic lamp' }).waitFor();
    await shown.takeFaults(/status of 403/);
  });
});
