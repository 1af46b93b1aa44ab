import { Problem } from '../common/problem.js';

/** What a client should wait before it tries again while a dependency is away (contract). */
const RETRY_AFTER_SECONDS = 2;

/**
 * Runs what counts or reads a limit. A limiter never opens: where its store does not answer, the request ends with
 * 503 `unavailable`, the store's error as its cause. A `Problem` passes as it is.
 */
export async function failClosed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('unavailable', { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error });
  }
}
