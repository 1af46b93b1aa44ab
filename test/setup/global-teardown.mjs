/** Runs once, after the last test file, whether the tests passed or not. */
export default async function globalTeardown() {
  await globalThis.stopTestServices?.();
}
