import { isUserid } from '../common/secret-token.js';
import type { ClientInfo } from './client-info.js';
import { headerValues } from './raw-headers.js';
import { decodeOnce } from './request-target.js';
import { parseSessionCookie, sessionCookiesOf } from './session-cookie.js';

/** Found by `configureApp` under this key, where a module provides a `LeakedCredentialHandler`. */
export const LEAKED_CREDENTIALS = Symbol('LeakedCredentialHandler');

/** What of a URL looks like a secret. */
export interface FoundCredentials {
  /** Whole tokens, `<prefix>_<id>_<secret>`, each once. */
  readonly tokens: readonly string[];
  /** Userids beside them: in X-User-Id, in the session cookie, in the URL. */
  readonly userids: readonly string[];
}

/** Makes the leaked worthless: revokes, voids, ends (contract). */
export interface LeakedCredentialHandler {
  /** Never throws; when it takes longer than a second, the answer does not wait for it. */
  handle(found: FoundCredentials & { readonly client: ClientInfo }): Promise<void>;
}

/** How long an answer waits for leaked credentials to be revoked, in ms. */
const HANDLING_MS = 1000;

/** `secret-token.ts` says what a token is; here it may stand anywhere in a text. */
const TOKEN = /(?:apt|act|rst)_[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}_[A-Za-z0-9_-]{43}/g;
const TOKEN_LENGTH = 80;
const USERID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;
const SECRET_KEYS = new Set(['password', 'newpassword', 'apitoken', 'accesstoken', 'code', 'authorization']);

/**
 * Credentials in a request target, raw or percent-decoded once: anything shaped like a token, anywhere, or a
 * query key that names a secret, in any case. Null where there are none.
 * @param rawHeaders those of the request, names and values by turns
 */
export function findCredentials(target: string, rawHeaders: readonly string[] = []): FoundCredentials | null {
  const query = target.indexOf('?');
  if (query === -1 && target.length < TOKEN_LENGTH) return null;
  const forms = [target, decodeOnce(target) ?? target];
  const tokens = matches(TOKEN, forms);
  if (tokens.length === 0 && (query === -1 || !hasSecretKey(target.slice(query + 1)))) return null;
  return { tokens, userids: [...new Set([...useridsIn(rawHeaders), ...matches(USERID, forms)])] };
}

/**
 * Comes back once the secrets are worthless, or after a second, whatever has become of them.
 * @param client whose request it was; throws where that cannot be told, and nothing is looked up
 */
export async function endLeaked(
  handler: LeakedCredentialHandler | undefined,
  found: FoundCredentials,
  client: () => ClientInfo,
): Promise<void> {
  if (handler === undefined) return;
  const handled = (async () => handler.handle({ ...found, client: client() }))().catch(() => {});
  let late: NodeJS.Timeout | undefined;
  await Promise.race([handled, new Promise((resolve) => (late = setTimeout(resolve, HANDLING_MS)))]);
  clearTimeout(late);
}

function useridsIn(rawHeaders: readonly string[]): string[] {
  const inCookies = sessionCookiesOf(rawHeaders).map((value) => parseSessionCookie(value)?.userid);
  return [...headerValues(rawHeaders, 'x-user-id'), ...inCookies].filter(isUserid);
}

function matches(pattern: RegExp, texts: readonly string[]): string[] {
  return [...new Set(texts.flatMap((text) => text.match(pattern) ?? []))];
}

function hasSecretKey(query: string): boolean {
  return query.split(/[&?]/).some((pair) => {
    const key = pair.split('=', 1)[0]!.replaceAll('+', ' ');
    return SECRET_KEYS.has((decodeOnce(key) ?? key).trim().toLowerCase());
  });
}
