import type { FastifyRequest } from 'fastify';
import { decodeOnce } from './request-target.js';

/** Found by `configureApp` under this key, where a module provides a `LeakedCredentialHandler`. */
export const LEAKED_CREDENTIALS = Symbol('LeakedCredentialHandler');

/** What of a URL looks like a secret. */
export interface FoundCredentials {
  /** Whole tokens, `<prefix>_<id>_<secret>`, each once. */
  readonly tokens: readonly string[];
  /** Userids beside them; those in headers are still to be read from the request. */
  readonly userids: readonly string[];
}

/** Makes the leaked worthless: revokes, voids, ends (contract section 3). */
export interface LeakedCredentialHandler {
  /** Never throws; when it takes longer than a second, the answer does not wait for it. */
  handle(found: FoundCredentials & { readonly request: FastifyRequest }): Promise<void>;
}

/** `secret-token.ts` says what a token is; here it may stand anywhere in a text. */
const TOKEN = /(?:apt|act|rst)_[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}_[A-Za-z0-9_-]{43}/g;
const TOKEN_LENGTH = 80;
const USERID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;
const SECRET_KEYS = new Set(['password', 'newpassword', 'apitoken', 'accesstoken', 'code', 'authorization']);

/**
 * Credentials in a request target, raw or percent-decoded once: anything shaped like a token, anywhere, or a
 * query key that names a secret, in any case. Null where there are none.
 */
export function findCredentials(target: string): FoundCredentials | null {
  const query = target.indexOf('?');
  if (query === -1 && target.length < TOKEN_LENGTH) return null;
  const forms = [target, decodeOnce(target) ?? target];
  const tokens = matches(TOKEN, forms);
  if (tokens.length === 0 && (query === -1 || !hasSecretKey(target.slice(query + 1)))) return null;
  return { tokens, userids: matches(USERID, forms) };
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
