import { eventually } from '../support/barrier.js';
import { adminLogin, api, createUser, expectStatus, newSource } from '../support/client.js';
import { startBrowser, type TestBrowser } from './support/browser.js';
import { expectNoAxeViolations } from './support/open-page.js';
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

const NOBODY_IS_LOGGED_IN = /status of 401 .*\/v1\/users\/me/;

async function open(path: string) {
  const shown = await browser.openPage({ source: newSource() });
  await shown.page.goto(`${site.url}${path}`);
  await shown.takeFaults(NOBODY_IS_LOGGED_IN);
  return shown;
}

describe('the sign-up page', () => {
  it('tells the rules, then what is wrong by field, then lets a stranger in', async () => {
    const shown = await open('/signup');
    const { page } = shown;
    await heading(page, 'Sign up');
    await page.getByText('At least 15 characters of any kind').waitFor();
    await page.getByLabel('Username').fill('1x');
    await page.getByLabel('Password', { exact: true }).fill('too short');
    await page.getByRole('button', { name: 'Sign up' }).click();
    await page.getByText('Must be at least 15 characters long').waitFor();
    await shown.takeFaults(/status of 422/);
    await page.getByLabel('Username').and(page.locator(':focus')).waitFor();
    expect(await page.getByLabel('Username').getAttribute('aria-invalid')).toBe('true');

    await page.getByLabel('Username').fill('newcomer');
    await page.getByLabel('Password', { exact: true }).fill('seven lamps on the shore');
    await page.getByRole('button', { name: 'Sign up' }).click();
    await heading(page, 'Profile');
    await page.getByRole('heading', { name: 'newcomer' }).waitFor();
  });

  it('says that a name is taken', async () => {
    const { username } = await createUser(site.url);
    const shown = await open('/signup');
    const { page } = shown;
    await page.getByLabel('Username').fill(username);
    await page.getByLabel('Password', { exact: true }).fill('seven lamps on the shore');
    await page.getByRole('button', { name: 'Sign up' }).click();
    await page.getByRole('alert').getByText('Username taken').waitFor();
    await shown.takeFaults(/status of 409/);
  });
});

describe('the log-in page', () => {
  it('loads less than 200 kB of JavaScript', async () => {
    const shown = await browser.openPage({ source: newSource() });
    const { page } = shown;
    const sizes: Promise<number>[] = [];
    page.on('requestfinished', (request) => {
      if (request.resourceType() !== 'script' && !request.url().endsWith('.js')) return;
      sizes.push(request.sizes().then(({ responseBodySize }) => responseBodySize));
    });
    await page.goto(`${site.url}/login`);
    await heading(page, 'Log in');
    await page.waitForLoadState('networkidle');
    await shown.takeFaults(NOBODY_IS_LOGGED_IN);
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    expect(sizes.length).toBeGreaterThan(3);
    expect(bytes).toBeGreaterThan(100_000);
    expect(bytes).toBeLessThan(200_000);
  });

  it('says what the API said of a wrong password, with the id of the request, and lets the right one in', async () => {
    const user = await createUser(site.url);
    const shown = await open('/login');
    const { page } = shown;
    await fillInLogin(page, { username: user.username, password: 'this is not the password' });
    const alert = page.getByRole('alert');
    await alert.getByText('Invalid credentials').waitFor();
    expect(await alert.innerText()).toMatch(/Request [A-Za-z0-9-]{8,64}/);
    await shown.takeFaults(/status of 401 .*\/v1\/auth\/web\/login/);
    await fillInLogin(page, user);
    await heading(page, 'Profile');
  });

  it('brings people where they were on their way to, with their search, and never to another site', async () => {
    const { page } = await arrive(site, browser, '/account/sessions?cursor=');
    await heading(page, 'Sessions');
    for (const next of ['https://evil.test/', '//evil.test/account', '/\\evil.test', 'javascript:alert(1)', '/docs']) {
      await page.goto(`${site.url}/login?next=${encodeURIComponent(next)}`);
      await heading(page, 'Profile');
      expect(page.url()).toBe(`${site.url}/account`);
    }
    await page.goto(`${site.url}/login?next=${encodeURIComponent('/account/apitokens')}`);
    await heading(page, 'Apitokens');
  });

  it('is left by keyboard alone, and the next page is announced by its heading', async () => {
    const user = await createUser(site.url);
    const { page } = await open('/login');
    await page.getByLabel('Username').focus();
    await page.keyboard.type(user.username);
    await page.keyboard.press('Tab');
    await page.keyboard.type(user.password);
    await page.keyboard.press('Enter');
    await heading(page, 'Profile');
    // The tab is named after the heading has been shown.
    await eventually(async () => (await page.title()) === 'Profile · Postern');
    await page.locator('h1:focus').waitFor();
  });

  it('says how long to wait after too many wrong passwords', async () => {
    const { username } = await createUser(site.url);
    const shown = await open('/login');
    const { page } = shown;
    for (let tries = 0; (await page.getByText('Too many requests').count()) === 0; tries += 1) {
      expect(tries).toBeLessThan(12);
      const answered = page.waitForResponse(/web\/login/);
      await fillInLogin(page, { username, password: 'this is not the password' });
      await (await answered).finished();
      await page.getByRole('alert').waitFor();
    }
    expect(await page.getByRole('alert').innerText()).toMatch(/Try again in \d+ (?:second|minute)s?\./);
    await shown.takeFaults(/status of (?:401|429) .*\/v1\/auth\/web\/login/);
  });
});

describe('logging out', () => {
  it('ends the session and shows the log-in page, and the way back is closed', async () => {
    const { page, shown } = await arrive(site, browser, '/account');
    await page.getByRole('button', { name: 'Log out' }).click();
    await heading(page, 'Log in');
    await page.goto(`${site.url}/account`);
    await heading(page, 'Log in');
    expect(new URL(page.url()).searchParams.get('next')).toBe('/account');
    await shown.takeFaults(NOBODY_IS_LOGGED_IN);
  });

  it('elsewhere is noticed at the next call: people log in and are where they were', async () => {
    const { page, shown, user } = await arrive(site, browser, '/account/apitokens');
    await heading(page, 'Apitokens');
    const as = await adminLogin(site.url);
    expectStatus(await api(site.url).delete(`/v1/users/${user.userid}/sessions`, { as }), 204);
    await page.getByRole('link', { name: 'Sessions' }).click();
    await heading(page, 'Log in');
    await shown.takeFaults(/status of 401/);
    await fillInLogin(page, user);
    await heading(page, 'Sessions');
  });
});

describe('the page for a new password', () => {
  it('takes the code of an admin once', async () => {
    const user = await createUser(site.url);
    const as = await adminLogin(site.url);
    const reset = await api(site.url).post<{ code: string }>(`/v1/users/${user.userid}/password-reset`, undefined, {
      as,
    });
    const { code } = expectStatus(reset, 201);
    const shown = await browser.openPage({ source: newSource() });
    const { page } = shown;
    await page.goto(`${site.url}/account/reset-password`);
    await heading(page, 'Set a new password');
    const password = 'eleven boats at the pier';
    await page.getByLabel('Username').fill(user.username);
    await page.getByLabel('Code').fill(code);
    await page.getByLabel('New password').fill(password);
    await page.getByRole('button', { name: 'Set the new password' }).click();
    await page.getByText('The new password is set').waitFor();
    await page.getByRole('link', { name: 'Back to log in' }).click();
    await fillInLogin(page, { username: user.username, password });
    await heading(page, 'Profile');
    await shown.takeFaults(NOBODY_IS_LOGGED_IN);
  });
});

describe('where sign-up is closed', () => {
  let closed: Site;
  beforeAll(async () => {
    closed = await startSite({ WEB_SIGNUP: 'closed' });
  });
  afterAll(() => closed.close());

  it('the log-in page offers none, and the sign-up page says whom to ask', async () => {
    const shown = await browser.openPage({ source: newSource() });
    const { page } = shown;
    await page.goto(`${closed.url}/login`);
    await heading(page, 'Log in');
    await page.getByText('Forgot the password?').waitFor();
    expect(await page.getByRole('link', { name: 'Sign up' }).count()).toBe(0);
    await page.goto(`${closed.url}/signup`);
    await page.getByText('Accounts are not made here. Ask an admin for one.').waitFor();
    expect(await page.getByLabel('Username').count()).toBe(0);
    await expectNoAxeViolations(page);
    await shown.takeFaults(NOBODY_IS_LOGGED_IN);
  });

  it('a page says so while the service cannot answer, and is there again afterwards', async () => {
    const { page, shown } = await arrive(closed, browser, '/account');
    const restore = await closed.cutOff();
    try {
      await page.getByRole('link', { name: 'Apitokens' }).click();
      await page.getByRole('alert').getByText('The service cannot answer right now.').waitFor();
      await expectNoAxeViolations(page);
      await page.reload();
      await heading(page, 'This page cannot be shown');
      await page.getByRole('alert').getByText('The service cannot answer right now.').waitFor();
      await expectNoAxeViolations(page);
    } finally {
      await restore();
    }
    await closed.process.ready();
    await page.getByRole('button', { name: 'Try again' }).click();
    await heading(page, 'Apitokens');
    await page.getByRole('table', { name: 'Your apitokens' }).waitFor();
    // React writes down what its pages threw.
    await shown.takeFaults(/status of 503|ProblemError: Unavailable/);
  });
});
