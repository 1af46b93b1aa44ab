import { startBrowser, type TestBrowser } from './support/browser.js';
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

describe('/docs', () => {
  it('opens with all it needs from this server', async () => {
    const { page } = await browser.openPage();
    await page.goto(`${site.url}/docs`);
    await page.getByRole('heading', { name: /Postern/ }).waitFor();
    expect(await page.title()).toBe('Postern API');
  });
});
