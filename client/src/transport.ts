import { ConnectionError, ProblemError, problemOf } from './problem-error.js';

/** Gives the answer where it is a 2xx of the service; throws ProblemError or ConnectionError otherwise. */
export type Send = (request: Request) => Promise<Response>;

/** How requests leave. */
export interface TransportOptions {
  /** Instead of the platform's own. */
  readonly fetch?: (request: Request) => Promise<Response>;
  /** How long to wait for a whole answer, in ms; default 20,000. The service itself answers within 5 s. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 20_000;
/** The service says 2 to 5 s; who is told to come back much later should know it at once. */
const LONGEST_WAIT_SECONDS = 30;
const SAFE = new Set(['GET', 'HEAD']);

/**
 * What every request goes through. After a 503 with `Retry-After` a GET or HEAD is sent once more when that time is
 * over. Nothing else is ever repeated here: an unsafe request may have had its effect.
 */
export function transport({ fetch: own, timeoutMs = TIMEOUT_MS }: TransportOptions): Send {
  const fetch = own ?? ((request: Request) => globalThis.fetch(request));
  const send = (request: Request) => exchange(request, fetch, timeoutMs);
  return async (request) => {
    if (!SAFE.has(request.method)) return send(request);
    try {
      return await send(request.clone());
    } catch (error) {
      const seconds = retryAfter(error);
      if (seconds === undefined) throw error;
      await pause(seconds, request.signal);
      return send(request);
    }
  };
}

function retryAfter(error: unknown): number | undefined {
  if (!(error instanceof ProblemError) || error.status !== 503 || error.retryAfter === undefined) return undefined;
  return error.retryAfter <= LONGEST_WAIT_SECONDS ? error.retryAfter : undefined;
}

/** Rejects with the signal's reason where the caller gives up. */
function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}

async function exchange(request: Request, fetch: Send, timeoutMs: number): Promise<Response> {
  const { response, text } = await wholeAnswer(request, fetch, timeoutMs);
  const { status, headers } = response;
  if (!response.ok || (text !== '' && !isJson(headers))) throw problemOf(response, text);
  return new Response(text === '' ? null : text, { status, headers });
}

/** Read to the end, so that a connection that breaks within the body is noticed as one. */
async function wholeAnswer(request: Request, fetch: Send, timeoutMs: number) {
  const { signal } = request;
  // AbortSignal.any and AbortSignal.timeout are not there in React Native.
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error(`${timeoutMs} ms are over`)), timeoutMs);
  const stop = () => limit.abort(signal.reason);
  signal.addEventListener('abort', stop);
  try {
    const response = await fetch(new Request(request, { signal: limit.signal }));
    return { response, text: await response.text() };
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ConnectionError(request.method, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function isJson(headers: Headers): boolean {
  return /^application\/json\b/i.test(headers.get('content-type') ?? '');
}
