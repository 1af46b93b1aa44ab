/**
 * What a request may still take when the server closes, in ms: every one is answered within 5 s, ending everybody's
 * sessions takes a lease (at most 10 s) more. Then whoever reads or writes too slowly is cut off.
 */
export const LAST_ANSWERS_MS = 16_000;

/** What is closed after the last answer may hang with the database; the process waits for it no longer, in ms. */
export const CLOSE_MS = 5_000;

/** For cores that have other work, in ms. */
const MARGIN_MS = 5_000;

/** What a process may take from SIGTERM to its end, in ms. Whoever takes longer will not end by itself. */
export function endWithinMs({ drainSeconds }: { readonly drainSeconds: number }): number {
  return drainSeconds * 1000 + LAST_ANSWERS_MS + CLOSE_MS + MARGIN_MS;
}
