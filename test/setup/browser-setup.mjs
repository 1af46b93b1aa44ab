import '../../scripts/typescript.mjs';
import globalSetup from './global-setup.mjs';

/** As for every other test, with a browser: a missing one fails the run before anything has started. */
export default async function browserSetup() {
  const { findChromium } = await import('./chromium.ts');
  findChromium();
  await globalSetup();
}
