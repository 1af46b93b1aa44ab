// Jest loads its setup without the transforms of the test files.
import '../../scripts/typescript.mjs';

/** Runs once, before the first test file. */
export default async function globalSetup() {
  const { startServices } = await import('./services.ts');
  globalThis.stopTestServices = await startServices();
}
