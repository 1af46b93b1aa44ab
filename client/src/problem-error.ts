import type { components } from './api.js';

type Problem = components['schemas']['Problem'];

/** Every code that the service knows, and `unknown` for an answer that is not the service's, such as a proxy's page. */
export type ProblemCode = Problem['code'] | 'unknown';

/** One field that was refused, under the name that it has in the request. */
export type FieldError = components['schemas']['FieldError'];

/** The members of a `ProblemError`. */
export interface ProblemDetails extends Pick<Problem, 'status' | 'title' | 'detail' | 'requestId' | 'errors'> {
  readonly code: ProblemCode;
  readonly retryAfter?: number;
}

/**
 * Any answer but the 2xx that was asked for. A newer service may send a code that this version does not name: a
 * `switch` over `code` needs a default.
 */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  /** Of the answer; 0 where a browser hides it (a redirect, which the service never sends). */
  readonly status: number;
  readonly code: ProblemCode;
  readonly title: string;
  /** A sentence for people. */
  readonly detail?: string;
  /** What the service's log calls this request; empty where the answer does not say. */
  readonly requestId: string;
  /** With `invalid_request`. */
  readonly errors?: readonly FieldError[];
  /** Seconds to wait before another try, where the answer says so. */
  readonly retryAfter?: number;

  constructor(problem: ProblemDetails) {
    super(problem.detail ?? problem.title);
    this.status = problem.status;
    this.code = problem.code;
    this.title = problem.title;
    this.detail = problem.detail;
    this.requestId = problem.requestId;
    this.errors = problem.errors;
    this.retryAfter = problem.retryAfter;
  }
}

/** No answer came, or only a part of it: what an unsafe request asked for may have happened or not. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';

  constructor(
    readonly method: string,
    cause: unknown,
  ) {
    super(`${method}: no answer came`, { cause });
  }
}

/**
 * Whether what was asked for may have happened although it failed: no answer, `outcome_unknown`, or an answer 5xx
 * that does not say that nothing has changed (a proxy's 502).
 */
export function isOutcomeUnknown(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  if (!(error instanceof ProblemError)) return false;
  return error.status >= 500 && error.code !== 'unavailable' && error.code !== 'overloaded';
}

/** Whether it is a ProblemError with this code. */
export function hasCode(error: unknown, code: ProblemCode): error is ProblemError {
  return error instanceof ProblemError && error.code === code;
}

/** The problem that an answer tells of; `text` is its body. */
export function problemOf(response: Response, text: string): ProblemError {
  const retryAfter = wholeSeconds(response.headers.get('retry-after'));
  const body = isProblem(response) ? parse(text) : undefined;
  if (body !== undefined) return new ProblemError({ ...body, status: response.status, retryAfter });
  const { status, statusText } = response;
  const title = statusText === '' ? `Unexpected answer ${status}` : statusText;
  return new ProblemError({
    status,
    code: 'unknown',
    title,
    requestId: response.headers.get('x-request-id') ?? '',
    retryAfter,
  });
}

function isProblem(response: Response): boolean {
  return /^application\/problem\+json\b/i.test(response.headers.get('content-type') ?? '');
}

function parse(text: string): Problem | undefined {
  try {
    const body = JSON.parse(text) as Partial<Problem> | null;
    return typeof body?.code === 'string' ? (body as Problem) : undefined;
  } catch {
    return undefined;
  }
}

/** `Retry-After` in seconds, as the service gives it; undefined for a date, which only others send. */
function wholeSeconds(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}
