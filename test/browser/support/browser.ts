import { rmSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext } from 'playwright-core';
import { findChromium } from '../../setup/chromium.js';
import { makeFolder } from '../../setup/folders.js';
import { killWithUs } from '../../setup/guard.js';
import { watchFaults, type Faults } from './faults.js';
import { OpenPage } from './open-page.js';

/** It asks nobody on the network but us, and runs as root, where Chromium's own sandbox does not. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } } as const;
/** What a click, a text or an answer may take on a busy machine. */
const PATIENCE_MS = 60_000;

export interface BrowserOptions {
  /** Names that are this machine's here, as `MAP evil.test 127.0.0.1`. */
  readonly hostRules?: string;
}

export interface PageOptions {
  /** The size of the window; a phone has a touch screen as well. Default: desktop. */
  readonly width?: keyof typeof SIZES;
  readonly colorScheme?: 'light' | 'dark';
  /** The address that its requests come from, by `X-Forwarded-For`. Default: the machine's own. */
  readonly source?: string;
  /** For pages that do on purpose what is not allowed: their faults fail nothing. */
  readonly mayComplain?: boolean;
}

/** A real Chromium with a profile of its own. `closePages` after each test is what fails it for what went wrong. */
export interface TestBrowser {
  /** Of its first process. */
  readonly pid: number;
  /** A window of its own: nobody else's cookies, storage or cache. */
  openPage(options?: PageOptions): Promise<OpenPage>;
  /** Closes every page. Throws where one had an error or broke a policy that its test did not take note of. */
  closePages(): Promise<void>;
  /** As `closePages`, then ends the browser and removes its folder. */
  close(): Promise<void>;
}

/** Starts the browser that `findChromium` finds. */
export async function startBrowser({ hostRules }: BrowserOptions = {}): Promise<TestBrowser> {
  const home = makeFolder('browser', 0o700);
  const browser = await chromium.launch({
    executablePath: findChromium(),
    chromiumSandbox: false,
    args: [...FLAGS, ...(hostRules === undefined ? [] : [`--host-resolver-rules=${hostRules}`])],
    // What it and its libraries keep anywhere is kept here.
    env: { PATH: process.env.PATH ?? '', HOME: home, TMPDIR: home },
  });
  const pid = await processId(browser);
  const release = killWithUs(pid, home);
  const opened: { context: BrowserContext; faults: Faults | undefined }[] = [];

  const openPage = async (options: PageOptions = {}) => {
    const context = await browser.newContext(contextOf(options));
    context.setDefaultTimeout(PATIENCE_MS);
    const faults = await watchFaults(context);
    opened.push({ context, faults: options.mayComplain ? undefined : faults });
    return new OpenPage(await context.newPage(), faults, home);
  };
  const closePages = async () => {
    const closing = opened.splice(0);
    for (const { context } of closing) await context.close();
    for (const { faults } of closing) faults?.expectNone();
  };
  const close = async () => {
    try {
      await closePages();
    } finally {
      await browser.close();
      rmSync(home, { recursive: true, force: true });
      release();
    }
  };
  return { pid, openPage, closePages, close };
}

function contextOf({ width = 'desktop', colorScheme = 'light', source }: PageOptions) {
  return {
    viewport: SIZES[width],
    colorScheme,
    ...(width === 'phone' ? { hasTouch: true, isMobile: true, deviceScaleFactor: 2 } : {}),
    ...(source === undefined ? {} : { extraHTTPHeaders: { 'x-forwarded-for': source } }),
  };
}

async function processId(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo.find(({ type }) => type === 'browser')!.id;
}
