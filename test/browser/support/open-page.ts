import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { AxeBuilder } from '@axe-core/playwright';
import type { Faults } from './faults.js';

/** Where `SCREENSHOTS=true` puts them. */
const IMAGES = join(import.meta.dirname, '../../../docs/images');

/** A page in a window of its own, and what is asked of it beside Playwright's own `page`. */
export class OpenPage {
  constructor(
    readonly page: Page,
    private readonly faults: Faults,
    private readonly folder: string,
  ) {}

  /** Expects a fault that a test brings about, so that it does not fail it: `/status of 401/`. Gives all that match. */
  takeFaults(pattern: RegExp): Promise<string[]> {
    return this.faults.take(pattern);
  }

  /** Writes `<name>.png` of what is in the window into docs/images, or with the browser's own files. */
  async screenshot(name: string, { fullPage = false } = {}): Promise<void> {
    const folder = process.env.SCREENSHOTS === 'true' ? IMAGES : this.folder;
    mkdirSync(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled', fullPage });
  }
}

/** The rules of WCAG 2.2, A and AA, that a change of colors alone can break, as axe names them. */
const OF_COLORS = ['color-contrast', 'link-in-text-block'];

/**
 * Holds what `page` shows now to WCAG 2.2, A and AA, as far as axe can judge it; `colorsAlone`: what was held to all of
 * it a moment ago, in other colors.
 */
export async function expectNoAxeViolations(page: Page, { colorsAlone = false } = {}): Promise<void> {
  // In the page itself: the other mode opens a window for every look, and there are no frames of other origins here.
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (colorsAlone ? axe.withRules(OF_COLORS) : axe.withTags(tags)).analyze();
  const lines = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}\n${failureSummary ?? ''}`),
  );
  expect(lines).toEqual([]);
}
