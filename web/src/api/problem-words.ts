import { ConnectionError, ProblemError } from 'postern-client';

/** What went wrong in words for people. */
export interface ProblemWords {
  readonly title: string;
  readonly text?: string;
  /** To be told to whoever runs the service: it stands in its log. */
  readonly requestId?: string;
}

/** What to do about it, where the API says no more than what it is. */
const ADVICE: Readonly<Record<string, string>> = {
  invalid_credentials: 'What you typed does not match, or the account cannot log in.',
  unauthenticated: 'You are no longer logged in.',
  forbidden: 'This account may not do that.',
  csrf: 'The browser did not say that this came from these pages. Load the page again.',
  username_taken: 'Choose another. The name of a deleted account stays taken.',
  role_exists: 'There is a role of that name already.',
  area_exists: 'There is a private area of that name already.',
  role_builtin: 'It comes with the service and cannot be taken away.',
  role_in_use: 'Somebody holds it, or a private area lists it. Take it away there first.',
  role_conflict: 'An app account has the roles app and user alone, and is on no list of a private area.',
  last_admin: 'Make somebody else an admin first.',
  too_many_apitokens: 'There are 50 already. Revoke one that is no longer used.',
  unavailable: 'The service cannot answer right now. Nothing was changed.',
  overloaded: 'The service is very busy. Nothing was changed.',
  outcome_unknown: 'It may have been done. Look whether it was before you repeat it.',
};

/** Says any error that a call of the API may throw. `advice`: by code, what is better said in this place. */
export function problemWords(error: unknown, advice: Readonly<Record<string, string>> = {}): ProblemWords {
  if (error instanceof ConnectionError) return unreachable(error);
  if (!(error instanceof ProblemError)) return { title: 'Something went wrong on this page', text: 'Load it again.' };
  const said = advice[error.code] ?? error.detail ?? ADVICE[error.code];
  const text = [said, waiting(error.retryAfter)].filter(Boolean).join(' ');
  return { title: error.title, ...(text === '' ? {} : { text }), requestId: error.requestId || undefined };
}

/** No answer: whether a change was made nobody knows. */
function unreachable({ method }: ConnectionError): ProblemWords {
  const look = method === 'GET' ? '' : ' It may have been done all the same: look before you repeat it.';
  return { title: 'The service could not be reached', text: `Check the connection and try again.${look}` };
}

/** `Retry-After`, in seconds, as a sentence. */
function waiting(seconds: number | undefined): string | undefined {
  if (seconds === undefined) return undefined;
  if (seconds < 90) return `Try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`;
  return `Try again in ${Math.ceil(seconds / 60)} minutes.`;
}
