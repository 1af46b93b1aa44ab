/** Every `code` that an answer can carry (contract), with its status and title. */
export const PROBLEMS = {
  malformed: { status: 400, title: 'Malformed request' },
  ambiguous_credentials: { status: 400, title: 'Ambiguous credentials' },
  credentials_in_url: { status: 400, title: 'Credentials in the URL' },
  invalid_credentials: { status: 401, title: 'Invalid credentials' },
  unauthenticated: { status: 401, title: 'Not authenticated' },
  forbidden: { status: 403, title: 'Forbidden' },
  csrf: { status: 403, title: 'Cross-site request refused' },
  https_required: { status: 403, title: 'HTTPS required' },
  reauthentication_required: { status: 403, title: 'Reauthentication required' },
  wrong_password: { status: 403, title: 'Wrong password' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  request_timeout: { status: 408, title: 'Request timeout' },
  username_taken: { status: 409, title: 'Username taken' },
  role_exists: { status: 409, title: 'Role exists' },
  area_exists: { status: 409, title: 'Private area exists' },
  role_builtin: { status: 409, title: 'Built-in role' },
  role_in_use: { status: 409, title: 'Role in use' },
  role_conflict: { status: 409, title: 'Role conflict' },
  last_admin: { status: 409, title: 'Last admin' },
  too_many_apitokens: { status: 409, title: 'Too many apitokens' },
  payload_too_large: { status: 413, title: 'Payload too large' },
  uri_too_long: { status: 414, title: 'URI too long' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  expectation_failed: { status: 417, title: 'Expectation failed' },
  invalid_request: { status: 422, title: 'Invalid request' },
  rate_limited: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'Request headers too large' },
  internal_error: { status: 500, title: 'Internal error' },
  unavailable: { status: 503, title: 'Unavailable' },
  overloaded: { status: 503, title: 'Overloaded' },
  outcome_unknown: { status: 503, title: 'Outcome unknown' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** One field that was refused; `field` is the key as the contract names it, never what was sent. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

export interface ProblemOptions {
  /** A sentence for the reader; never a secret, a host name or what the client sent. */
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  /** Whole seconds for `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** For the log alone. */
  readonly cause?: unknown;
  /** For 405. */
  readonly allow?: readonly string[];
}

/** The one error type of the service: thrown anywhere, written by the problem filter (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly code: ProblemCode,
    readonly options: ProblemOptions = {},
  ) {
    const { stackTraceLimit } = Error;
    if (isRefusal(code)) Error.stackTraceLimit = 0;
    super(code, { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'Problem';
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

/** Whether it is an ordinary answer, which nobody asks where it was thrown: a trace costs more than the rest of it. */
function isRefusal(code: ProblemCode): boolean {
  return PROBLEMS[code].status < 500 || code === 'overloaded';
}

/** 503 of what is usually over in a second: no lease, or a server that did not answer. `cause` is for the log. */
export function unavailable(cause?: unknown): Problem {
  return new Problem('unavailable', { retryAfterSeconds: 1, cause });
}

/** What the body of every problem looks like. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail?: string;
  requestId: string;
  errors?: readonly FieldError[];
}

/** The body of `problem` for the request with that id. */
export function problemBody(problem: Problem, requestId: string): ProblemBody {
  const { status, title } = PROBLEMS[problem.code];
  const { detail, errors } = problem.options;
  return {
    type: 'about:blank',
    title,
    status,
    code: problem.code,
    ...(detail === undefined ? {} : { detail }),
    requestId,
    ...(errors === undefined ? {} : { errors }),
  };
}
