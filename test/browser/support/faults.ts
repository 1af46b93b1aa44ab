import type { BrowserContext } from 'playwright-core';
import { eventually } from '../../support/barrier.js';

/** Every page says it aloud, because Chromium keeps some reports to itself. */
const REPORT_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) =>
  console.error('policy ' + event.effectiveDirective + ' does not allow ' + event.blockedURI));`;

/** What went wrong in the pages of one window: errors of the console, thrown errors, broken content policies. */
export interface Faults {
  /** Waits for one that matches, and forgets all that do; for what a test brings about on purpose. */
  take(pattern: RegExp): Promise<string[]>;
  /** Throws an Error that names all that nobody took. */
  expectNone(): void;
}

/** Collects the faults of every page of `context` from now on. */
export async function watchFaults(context: BrowserContext): Promise<Faults> {
  let found: string[] = [];
  await context.addInitScript(REPORT_VIOLATIONS);
  context.on('console', (message) => {
    if (message.type() === 'error') found.push(`${message.text()} (${message.location().url})`);
  });
  context.on('weberror', (error) => found.push(`thrown: ${error.error().message}`));
  const take = async (pattern: RegExp) => {
    const taken = () => found.filter((fault) => pattern.test(fault));
    await eventually(() => taken().length > 0, 15_000);
    const these = taken();
    found = found.filter((fault) => !these.includes(fault));
    return these;
  };
  const expectNone = () => {
    if (found.length > 0) throw new Error(`the browser complained:\n${found.join('\n')}`);
  };
  return { take, expectNone };
}
