import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Page } from 'playwright-core';
import { startBrowser, type TestBrowser } from './support/browser.js';
import { expectNoAxeViolations } from './support/open-page.js';

let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const GOOD = '<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1></main>';

/** Shows it as if a server had sent it. */
async function show(page: Page, body: string, headers: Record<string, string> = {}): Promise<void> {
  await page.route('http://localhost/', (route) => route.fulfill({ body, contentType: 'text/html', headers }));
  await page.goto('http://localhost/');
}

describe('a page in the browser', () => {
  it('passes its test where nothing is wrong', async () => {
    const { page } = await browser.openPage();
    await show(page, GOOD);
    await expectNoAxeViolations(page);
    await browser.closePages();
  });

  it.each([
    ['an error in the console', '<script>console.error("so it is")</script>', /so it is/],
    ['an error that nobody caught', '<script>throw new Error("thrown away")</script>', /thrown away/],
    ['a promise that nobody caught', '<script>Promise.reject(new Error("let down"))</script>', /let down/],
    ['a file that is not there', '<img src="data:nothing" alt=""><img src="http://localhost:1/" alt="">', /ERR_/],
  ])('fails it for %s', async (_what, html, fault) => {
    const { page } = await browser.openPage();
    await show(page, GOOD + html);
    await page.waitForLoadState('load');
    await expect(browser.closePages()).rejects.toThrow(fault);
  });

  it('fails it for a broken content policy, one that only reports as well', async () => {
    for (const header of ['content-security-policy', 'content-security-policy-report-only']) {
      const { page } = await browser.openPage();
      await show(page, `${GOOD}<script>1</script>`, { [header]: `script-src 'none'` });
      await expect(browser.closePages()).rejects.toThrow(/policy script-src-elem does not allow inline/);
    }
  });

  it('does not fail it for a fault that the test expects, which must come', async () => {
    const shown = await browser.openPage();
    await show(shown.page, `${GOOD}<script>console.error("wanted")</script>`);
    expect(await shown.takeFaults(/wanted/)).toHaveLength(1);
    await expect(shown.takeFaults(/wanted/)).rejects.toThrow('not within');
    await browser.closePages();
  });

  it('fails it for what axe finds', async () => {
    const { page } = await browser.openPage();
    await show(page, `${GOOD}<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">`);
    await expect(expectNoAxeViolations(page)).rejects.toThrow(/image-alt/);
    await browser.closePages();
  });

  it('has the window, the colours and the cookies of nobody else', async () => {
    const phone = (await browser.openPage({ width: 'phone', colorScheme: 'dark' })).page;
    const desktop = (await browser.openPage()).page;
    const look = `[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches, document.cookie]`;
    for (const page of [phone, desktop]) await show(page, `${GOOD}<meta name="viewport" content="width=device-width">`);
    await phone.evaluate(`document.cookie = 'of=phone'`);
    expect(await phone.evaluate(look)).toEqual([390, true, 'of=phone']);
    expect(await desktop.evaluate(look)).toEqual([1280, false, '']);
    await browser.closePages();
  });
});

describe('a browser', () => {
  it('leaves neither process nor folder behind', async () => {
    const left = () => readdirSync(tmpdir()).filter((name) => /^(postern-browser|playwright)/.test(name));
    const before = left();
    const other = await startBrowser();
    const shown = await other.openPage();
    await show(shown.page, GOOD);
    await shown.screenshot('a-page');
    expect(left().length).toBeGreaterThan(before.length);
    await other.close();
    expect(left()).toEqual(before);
    expect(existsSync(`/proc/${other.pid}/exe`)).toBe(false);
  });
});
