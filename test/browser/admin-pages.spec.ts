import type { Page } from 'playwright-core';
import { adminLogin, api, createUser, expectStatus, login, webLogin, type TokenLogin } from '../support/client.js';
import { FIRST_APP } from '../support/first-accounts.js';
import { startBrowser, type TestBrowser } from './support/browser.js';
import { arrive, arriveAsAdmin, confirm, fillInLogin, heading } from './support/people.js';
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

/** What the service says to somebody who asks for `path`. */
async function statusFor(as: TokenLogin, path = '/v1/users/me'): Promise<number> {
  return (await api(site.url).get(path, { as })).status;
}

/** Keeps requests to `pattern` waiting until what this gives is called. */
async function hold(page: Page, pattern: string): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  await page.route(pattern, async (route) => {
    await promise;
    await route.continue();
  });
  return resolve;
}

function rowsOf(page: Page, table: string) {
  const rows = page.getByRole('table', { name: table }).getByRole('row');
  return rows.filter({ hasNot: page.getByRole('columnheader') });
}

describe('users', () => {
  it('are searched, filtered and paged through, and the URL keeps what is shown', async () => {
    const as = await adminLogin(site.url);
    for (let n = 10; n < 37; n += 1) {
      const body = { username: `reader-${n}`, password: 'crows sleep on the mast' };
      expectStatus(await api(site.url).post('/v1/users', body, { as }), 201);
    }
    const newest = await createUser(site.url);
    const { page } = await arriveAsAdmin(site, browser, '/admin');
    await page.getByRole('link', { name: 'Users' }).click();
    await heading(page, 'Users');
    const rows = rowsOf(page, 'Users');
    await rows.filter({ hasText: newest.username }).waitFor();
    await page.getByLabel('Username begins with').fill('reader-');
    await page.keyboard.press('Enter');
    await rows.filter({ hasText: newest.username }).waitFor({ state: 'hidden' });
    expect(page.url()).toBe(`${site.url}/admin/users?search=reader-`);
    await rows.filter({ hasText: 'reader-36' }).waitFor();
    expect(await rows.count()).toBe(25);
    await page.getByRole('button', { name: 'Next page' }).click();
    await rows.filter({ hasText: 'reader-10' }).waitFor();
    expect(await rows.count()).toBe(2);
    await page.getByRole('button', { name: 'Next page', disabled: true }).and(page.locator(':focus')).waitFor();
    await page.reload();
    await rows.filter({ hasText: 'reader-10' }).waitFor();
    expect(await page.getByLabel('Username begins with').inputValue()).toBe('reader-');
    await page.getByRole('button', { name: 'First page' }).click();
    await rows.filter({ hasText: 'reader-36' }).waitFor();

    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByLabel('Role').selectOption('app');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.waitForURL(/\?role=app$/);
    await rows.nth(1).waitFor({ state: 'hidden' });
    expect(await rows.innerText()).toContain(FIRST_APP.username);
    await page.getByLabel('Status').selectOption('disabled');
    await page.getByRole('button', { name: 'Apply' }).press('Enter');
    await page.getByText('Nobody. A search finds usernames by their beginning.').waitFor();
    await page.getByRole('button', { name: 'Apply' }).and(page.locator(':focus')).waitFor();
    await page.goBack();
    await rows.filter({ hasText: FIRST_APP.username }).waitFor();
    expect(await page.getByLabel('Status').inputValue()).toBe('');
  });

  it('are made, with the first apitoken shown once', async () => {
    const { page, shown } = await arriveAsAdmin(site, browser, '/admin/users');
    const made = { username: 'made-by-hand', password: 'seven lamps on the shore' };
    await page.getByRole('link', { name: 'Make a user' }).click();
    await heading(page, 'Make a user');
    await page.getByLabel('Username').fill(made.username);
    await page.getByLabel('Password', { exact: true }).fill('short');
    await page.getByRole('button', { name: 'Make user' }).click();
    await page.getByText('Must be at least 15 characters long').waitFor();
    await shown.takeFaults(/status of 422/);
    await page.getByLabel('Password', { exact: true }).fill(made.password);
    await page.getByRole('button', { name: 'Make user' }).click();
    const secret = page.getByRole('status').filter({ hasText: `The first apitoken of ${made.username}` });
    const apitoken = /apt_[0-9a-f]{32}_[\w-]{43}/.exec(await secret.innerText())![0];
    await login(site.url, { ...made, apitoken });
    await secret.getByRole('link', { name: made.username }).click();
    await heading(page, made.username);
    expect(await page.content()).not.toContain(apitoken);
  });
});

describe('one user', () => {
  it('is disabled, which ends every session, and enabled again', async () => {
    const user = await createUser(site.url);
    const session = await login(site.url, user);
    const { page } = await arriveAsAdmin(site, browser, `/admin/users/${user.userid}`);
    await page.getByRole('button', { name: 'Disable …' }).click();
    const goOn = await hold(page, '**/v1/users/me');
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
    await page.getByRole('button', { name: 'Enable …', includeHidden: true }).waitFor({ state: 'attached' });
    expect(await page.getByRole('dialog').count()).toBe(0);
    await page.locator('h1:focus').waitFor();
    goOn();
    expect(await statusFor(session)).toBe(401);
    await expect(webLogin(site.url, user)).rejects.toThrow('401');
    await page.getByRole('button', { name: 'Enable …' }).click();
    await confirm(page, 'Enable');
    await page.getByRole('button', { name: 'Disable …' }).waitFor();
    await webLogin(site.url, user);
  });

  it('is deleted, after it was said that the name stays taken, and it does', async () => {
    const user = await createUser(site.url);
    const session = await login(site.url, user);
    const { page, shown } = await arriveAsAdmin(site, browser, `/admin/users?search=${user.username}`);
    await page.getByRole('link', { name: user.username }).click();
    await heading(page, user.username);
    await page.getByRole('button', { name: 'Delete …' }).click();
    await page.getByRole('dialog').getByText(`The name ${user.username} stays taken`).waitFor();
    await page.getByRole('dialog').getByText('Nobody can undo this.').waitFor();
    expect(await statusFor(session)).toBe(200);
    await confirm(page, 'Delete');
    await heading(page, 'Users');
    expect(await page.getByRole('link', { name: user.username }).count()).toBe(0);
    expect(await statusFor(session)).toBe(401);
    await page.getByRole('link', { name: 'Make a user' }).click();
    await page.getByLabel('Username').fill(user.username);
    await page.getByLabel('Password', { exact: true }).fill('seven lamps on the shore');
    await page.getByRole('button', { name: 'Make user' }).click();
    await page.getByRole('alert').getByText('The name of a deleted account stays taken').waitFor();
    await shown.takeFaults(/status of 409/);
    await page.goto(`${site.url}/admin/users/${user.userid}`);
    await page.getByRole('alert').getByText('There is no such user, or no longer.').waitFor();
    await shown.takeFaults(/status of 404/);
    await page.getByRole('link', { name: 'What the audit log has of this userid' }).click();
    await rowsOf(page, 'Audit log').filter({ hasText: 'Account deleted' }).getByText(user.userid).waitFor();
    await shown.takeFaults(/status of 404/);
  });

  it('gets a reset code, shown once and on no other page, which sets a new password', async () => {
    const user = await createUser(site.url);
    const other = await createUser(site.url);
    const { page } = await arriveAsAdmin(site, browser, `/admin/users/${user.userid}`);
    await page.getByRole('button', { name: 'Make a reset code …' }).click();
    await confirm(page, 'Make the code');
    const shown = page.getByRole('status').filter({ hasText: `The reset code of ${user.username}` });
    const code = /rst_[0-9a-f]{32}_[\w-]{43}/.exec(await shown.innerText())![0];
    await page.evaluate(`history.pushState({}, '', '/admin/users/${other.userid}')`);
    await heading(page, other.username);
    expect(await page.content()).not.toContain(code);
    await page.goBack();
    await heading(page, user.username);
    expect(await page.content()).not.toContain(code);
    const password = 'eleven boats at the pier';
    const body = { username: user.username, code, newPassword: password };
    expectStatus(await api(site.url).post('/v1/auth/password-reset', body), 204);
    await webLogin(site.url, { username: user.username, password });
  });

  it('has sessions, of which one is ended, then all', async () => {
    const user = await createUser(site.url);
    const sessions = [await login(site.url, user), await login(site.url, user), await login(site.url, user)];
    const { page } = await arriveAsAdmin(site, browser, `/admin/users/${user.userid}`);
    await page
      .getByRole('navigation', { name: `Pages of ${user.username}` })
      .getByText('Sessions')
      .click();
    const rows = rowsOf(page, `Sessions of ${user.username}`);
    await rows.nth(2).waitFor();
    expect(await page.title()).toBe(`Sessions · ${user.username} · Postern`);
    await rows.first().getByRole('button').click();
    await confirm(page, 'End session');
    await rows.nth(2).waitFor({ state: 'hidden' });
    const statuses = await Promise.all(sessions.map((session) => statusFor(session)));
    expect(statuses.sort()).toEqual([200, 200, 401]);
    await page.getByRole('button', { name: 'End all …' }).click();
    await confirm(page, 'End all');
    await page.getByText('Not logged in anywhere.').waitFor();
    expect(await Promise.all(sessions.map((session) => statusFor(session)))).toEqual([401, 401, 401]);
  });

  it('has apitokens, of which one is made and one revoked', async () => {
    const user = await createUser(site.url);
    const { page } = await arriveAsAdmin(site, browser, `/admin/users/${user.userid}/apitokens`);
    await page.getByLabel('Name').fill('Harbour lamp');
    await page.getByRole('button', { name: 'Make apitoken' }).click();
    const made = page.getByRole('status').filter({ hasText: 'The apitoken of Harbour lamp' });
    const apitoken = /apt_[0-9a-f]{32}_[\w-]{43}/.exec(await made.innerText())![0];
    await login(site.url, { ...user, apitoken });
    await rowsOf(page, `Apitokens of ${user.username}`).nth(1).waitFor();
    await page.getByRole('button', { name: 'Revoke Harbour lamp' }).click();
    await page.getByRole('dialog').getByText('It cannot be brought back').waitFor();
    await confirm(page, 'Revoke');
    await rowsOf(page, `Apitokens of ${user.username}`).nth(1).waitFor({ state: 'hidden' });
    await expect(login(site.url, { ...user, apitoken })).rejects.toMatchObject({ code: 'invalid_credentials' });
    await login(site.url, user);
  });
});

describe('roles', () => {
  it('are made, granted, withdrawn and deleted; not while somebody holds them', async () => {
    const user = await createUser(site.url);
    const session = await login(site.url, user);
    const { page, shown } = await arriveAsAdmin(site, browser, '/admin/roles');
    await page.getByLabel('Name').fill('Editor!');
    await page.getByRole('button', { name: 'Make role' }).click();
    await page.getByLabel('Name').and(page.locator('[aria-invalid=true]')).waitFor();
    await shown.takeFaults(/status of 422/);
    await page.getByLabel('Name').fill('editor');
    await page.getByLabel('Description').fill('May change the reports');
    await page.getByRole('button', { name: 'Make role' }).click();
    await rowsOf(page, 'Roles').filter({ hasText: 'May change the reports' }).waitFor();

    await page.goto(`${site.url}/admin/users/${user.userid}/rights`);
    await page.getByLabel('Another role').selectOption('editor');
    await page.getByRole('button', { name: 'Grant …' }).click();
    const goOn = await hold(page, '**/v1/users/*/areas*');
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Grant' }).click();
    const withdraw = page.getByRole('button', { name: 'Withdraw editor', includeHidden: true });
    await withdraw.waitFor({ state: 'attached' });
    expect(await dialog.innerText()).toContain(`Grant editor to ${user.username}?`);
    goOn();
    await dialog.waitFor({ state: 'hidden' });
    await withdraw.waitFor();
    expect(await statusFor(session, '/v1/auth/check?role=editor')).toBe(204);

    await page.getByRole('link', { name: 'Roles', exact: true }).click();
    await page.getByRole('button', { name: 'Delete editor' }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByRole('alert').getByText('Somebody holds it').waitFor();
    await shown.takeFaults(/status of 409/);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('link', { name: 'editor: who holds it' }).click();
    await page.getByRole('link', { name: user.username }).click();
    await page.getByRole('link', { name: 'Roles and areas' }).click();
    await page.getByRole('button', { name: 'Withdraw editor' }).click();
    await confirm(page, 'Withdraw');
    await page.getByRole('button', { name: 'Withdraw editor' }).waitFor({ state: 'hidden' });
    expect(await statusFor(session, '/v1/auth/check?role=editor')).toBe(403);

    await page.getByRole('link', { name: 'Roles', exact: true }).click();
    await page.getByRole('button', { name: 'Delete editor' }).click();
    await confirm(page, 'Delete');
    await page.getByRole('button', { name: 'Delete editor' }).waitFor({ state: 'hidden' });
  });

  it('leave one admin at least', async () => {
    const { page, shown, user } = await arriveAsAdmin(site, browser, '/admin/users?role=admin');
    await page.getByRole('link', { name: user.username }).click();
    await page.getByRole('link', { name: 'Roles and areas' }).click();
    await page.getByRole('button', { name: 'Withdraw admin' }).click();
    await page.getByRole('dialog').getByText('This is your own account').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click();
    await page.getByRole('dialog').getByText('Make somebody else an admin first.').waitFor();
    await shown.takeFaults(/status of 409/);
  });
});

describe('private areas', () => {
  it('are made, opened by username and by role, and closed again', async () => {
    const user = await createUser(site.url);
    const session = await login(site.url, user);
    const mayEnter = () => statusFor(session, '/v1/areas/reports/access');
    const { page, shown } = await arriveAsAdmin(site, browser, '/admin/areas');
    await page.getByLabel('Name').fill('reports');
    await page.getByLabel('Description').fill('The monthly reports');
    await page.getByRole('button', { name: 'Make private area' }).click();
    await page.getByRole('link', { name: 'reports' }).click();
    await heading(page, 'reports');
    await page.getByText('Nobody is on the list.').waitFor();

    await page.getByLabel('Another username').fill('nobody-of-that-name');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('alert').getByText('There is no user of that name.').waitFor();
    await shown.takeFaults(/status of 404/);
    expect(await mayEnter()).toBe(403);
    await page.getByLabel('Another username').fill(user.username);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('button', { name: `Remove ${user.username}` }).waitFor();
    expect(await mayEnter()).toBe(204);
    await page.getByRole('link', { name: user.username }).click();
    await page.getByRole('link', { name: 'Roles and areas' }).click();
    const area = rowsOf(page, `Private areas of ${user.username}`).filter({ hasText: 'reports' });
    expect(await area.innerText()).toContain('username');
    await area.getByRole('link', { name: 'reports' }).click();
    await page.getByRole('button', { name: `Remove ${user.username}` }).click();
    await confirm(page, 'Remove');
    await page.getByText('Nobody is on the list.').waitFor();
    expect(await mayEnter()).toBe(403);

    await page.getByLabel('Another role').selectOption('user');
    await page.getByRole('button', { name: 'Add role' }).click();
    await page.getByRole('button', { name: 'Remove user' }).waitFor();
    expect(await mayEnter()).toBe(204);
    await page.getByRole('button', { name: 'Delete …' }).click();
    await confirm(page, 'Delete');
    await heading(page, 'Private areas');
    await page.getByText('There is none yet.').waitFor();
    expect(await mayEnter()).toBe(403);
  });
});

describe('app accounts', () => {
  it('are made with a snippet that works, show their use, and rotate their apitoken with an overlap', async () => {
    const { page } = await arriveAsAdmin(site, browser, '/admin/apps');
    await page.getByText('It cannot become a normal account again').waitFor();
    await page.getByLabel('Username').fill('harbour-app');
    await page.getByRole('button', { name: 'Make app account' }).click();
    const made = page.getByRole('status').filter({ hasText: 'The app credential of harbour-app' });
    const snippet = await made.innerText();
    expect(snippet).toContain(`baseUrl: '${site.url}'`);
    // React Native's engine parses no await outside of a function.
    expect(snippet).not.toMatch(/^await /m);
    const inSnippet = (name: string) => new RegExp(`^ *${name}: '(.+)',$`, 'm').exec(snippet)![1]!;
    const app = {
      username: inSnippet('username'),
      password: inSnippet('password'),
      apitoken: inSnippet('apitoken'),
    };
    const as = await login(site.url, app);
    const body = { username: 'signed-up-by-app', password: 'seven lamps on the shore' };
    expectStatus(await api(site.url).post('/v1/users', body, { as }), 201);

    await page.getByRole('link', { name: 'harbour-app' }).click();
    await heading(page, 'harbour-app');
    await page.getByText('1 of 600 allowed').waitFor();
    await page.getByLabel('Name').fill('Version 2');
    await page.getByRole('button', { name: 'Make apitoken' }).click();
    const second = page.getByRole('status').filter({ hasText: 'The apitoken of Version 2' });
    const apitoken = /apt_[0-9a-f]{32}_[\w-]{43}/.exec(await second.innerText())![0];
    await rowsOf(page, 'Apitokens of harbour-app').nth(1).waitFor();
    await login(site.url, app);
    await login(site.url, { ...app, apitoken });
    await page.getByRole('button', { name: 'Revoke first' }).click();
    await confirm(page, 'Revoke');
    await rowsOf(page, 'Apitokens of harbour-app').nth(1).waitFor({ state: 'hidden' });
    await expect(login(site.url, app)).rejects.toMatchObject({ code: 'invalid_credentials' });
    await login(site.url, { ...app, apitoken });
    await page.getByRole('button', { name: 'Revoke Version 2' }).click();
    await page.getByRole('dialog').getByText('It is the only one that works').waitFor();
  });

  it('are not made of a user before it was said that there is no way back', async () => {
    const user = await createUser(site.url);
    const { page } = await arriveAsAdmin(site, browser, `/admin/users/${user.userid}/rights`);
    await page.getByLabel('Another role').selectOption('app');
    await page.getByRole('button', { name: 'Grant …' }).click();
    await page.getByRole('dialog').getByText('An app account cannot become a normal one again').waitFor();
    await confirm(page, 'Grant');
    await page.getByText('Cannot be withdrawn').waitFor();
    await page
      .getByRole('navigation', { name: `Pages of ${user.username}` })
      .getByText('Account')
      .click();
    await page.getByRole('link', { name: 'This is an app account' }).click();
    await page.getByText('0 of 600 allowed').waitFor();
  });
});

describe('the audit log', () => {
  it('is filtered by who, what and when', async () => {
    const user = await createUser(site.url);
    await login(site.url, user);
    await expect(webLogin(site.url, { ...user, password: 'this is not the password' })).rejects.toThrow('401');
    const { page } = await arriveAsAdmin(site, browser, '/admin/audit');
    const rows = rowsOf(page, 'Audit log');
    await page.getByLabel('Who').fill('nobody-of-that-name');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('Nobody has this name.').waitFor();
    await page.getByLabel('Who').fill(user.username.toUpperCase());
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.waitForURL(new RegExp(`userid=${user.userid}`));
    await rows.nth(3).waitFor({ state: 'hidden' });
    // There may be none for a moment.
    await rows.nth(2).waitFor();
    expect(await rows.allInnerTexts()).toEqual([
      expect.stringContaining('Log-in refused'),
      expect.stringContaining('Logged in'),
      expect.stringContaining('Account made'),
    ]);
    await page.getByLabel('What').selectOption({ label: 'Account made' });
    await page.getByRole('button', { name: 'Apply' }).click();
    await rows.nth(1).waitFor({ state: 'hidden' });
    expect(await rows.innerText()).toContain(FIRST_APP.username);
    await page.getByLabel('Before').fill('2020-01-01T00:00');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('Nothing that matches.').waitFor();
    await page.reload();
    await page.getByText('Nothing that matches.').waitFor();
    expect(await page.getByLabel('Who').inputValue()).toBe(user.username);
    expect(await page.getByLabel('What').inputValue()).toBe('user.created');
    expect(await page.getByLabel('Before').inputValue()).toBe('2020-01-01T00:00');
  });

  it('is the history of a user, on that user’s page', async () => {
    const user = await createUser(site.url);
    const { page } = await arriveAsAdmin(site, browser, `/admin/users/${user.userid}`);
    await page.getByRole('link', { name: 'History' }).click();
    const rows = rowsOf(page, 'History');
    await rows.filter({ hasText: 'Account made' }).waitFor();
    expect(await rows.count()).toBe(1);
    expect(await rows.innerText()).toMatch(new RegExp(`${FIRST_APP.username}[\\s\\S]*${user.username}`));
  });
});

describe('who is no admin', () => {
  it('sees no way to the console, and is told so on every page of it before anything is asked for', async () => {
    const { page } = await arrive(site, browser, '/account');
    await page.getByRole('navigation').getByRole('link', { name: 'Profile' }).waitFor();
    expect(await page.getByText('Administration').count()).toBe(0);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    for (const path of ['/admin', '/admin/users', '/admin/audit', '/admin/users/new', '/admin/areas/reports']) {
      await page.goto(`${site.url}${path}`);
      await heading(page, 'Not allowed');
    }
    expect(new Set(asked.filter((path) => path.startsWith('/v1/')))).toEqual(new Set(['/v1/users/me']));
  });
});

describe('what asks for a password proved lately', () => {
  let strict: Site;
  beforeAll(async () => {
    strict = await startSite();
  });
  afterAll(() => strict.close());

  it('asks before an app account is made of a new one, and can be gone on with', async () => {
    const { page, shown, user } = await arriveAsAdmin(strict, browser, '/admin/apps');
    await strict.forgetProofs();
    await page.getByLabel('Username').fill('half-made');
    await page.getByRole('button', { name: 'Make app account' }).click();
    const password = page.getByRole('dialog', { name: 'Your password, once more' });
    await password.waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('alert').getByText('half-made is not an app account yet').waitFor();
    await page.getByRole('link', { name: 'delete the account' }).waitFor();
    await page.getByRole('button', { name: 'Go on' }).click();
    await password.getByLabel('Password', { exact: true }).fill(user.password);
    await password.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('status').filter({ hasText: 'The app credential of half-made' }).waitFor();
    await rowsOf(page, 'App accounts').filter({ hasText: 'half-made' }).waitFor();
    await shown.takeFaults(/status of 403/);
  });

  it('asks above the dialog of a change, and does nothing without', async () => {
    const victim = await createUser(strict.url);
    const { page, shown, user } = await arriveAsAdmin(strict, browser, `/admin/users/${victim.userid}`);
    await strict.forgetProofs();
    await page.getByRole('button', { name: 'Disable …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
    const password = page.getByRole('dialog', { name: 'Your password, once more' });
    await password.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('dialog').first().waitFor({ state: 'hidden' });
    await webLogin(strict.url, victim);
    await page.getByRole('button', { name: 'Disable …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
    await password.getByLabel('Password', { exact: true }).fill(user.password);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Enable …' }).waitFor();
    await expect(webLogin(strict.url, victim)).rejects.toThrow('401');
    await shown.takeFaults(/status of 403/);
  });

  it('ends the sessions of everybody, the own one too', async () => {
    const other = await createUser(strict.url);
    const session = await login(strict.url, other);
    const { page, shown, user } = await arriveAsAdmin(strict, browser, '/admin');
    await strict.forgetProofs();
    await page.getByRole('button', { name: 'End the sessions of everybody …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End them all' }).click();
    const password = page.getByRole('dialog', { name: 'Your password, once more' });
    await password.getByLabel('Password', { exact: true }).fill(user.password);
    await page.keyboard.press('Enter');
    await heading(page, 'Log in');
    await strict.process.ready();
    const { status } = await api(strict.url).get('/v1/users/me', { as: session });
    expect(status).toBe(401);
    await fillInLogin(page, user);
    await heading(page, 'Profile');
    await shown.takeFaults(/status of (?:401|403|503)/);
  });
});
