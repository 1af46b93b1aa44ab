import { hash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';

/** apitoken, accesstoken, reset code (contract). */
export type TokenPrefix = 'apt' | 'act' | 'rst';

/** `id` is public (lists show it, revocations name it), `secret` is shown once. */
export interface SecretToken {
  readonly id: string;
  readonly secret: string;
}

const SHAPE = /^(apt|act|rst)_([0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15})_([A-Za-z0-9_-]{43})$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TOKEN_ID = /^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/;

/** Makes a token: a UUID v4 without dashes and 32 random bytes in base64url. */
export function makeToken(): SecretToken {
  return { id: randomUUID().replaceAll('-', ''), secret: randomBytes(32).toString('base64url') };
}

/** `<prefix>_<id>_<secret>`, as it is handed out. */
export function formatToken(prefix: TokenPrefix, token: SecretToken): string {
  return `${prefix}_${token.id}_${token.secret}`;
}

/** The parts of a token of that kind, or null where the text is not one. */
export function parseToken(prefix: TokenPrefix, text: unknown): SecretToken | null {
  const match = typeof text === 'string' ? SHAPE.exec(text) : null;
  if (match === null || match[1] !== prefix) return null;
  return { id: match[2]!, secret: match[3]! };
}

/** SHA-256 of the secret in base64url, the only form in which a secret is stored. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'base64url');
}

/** Whether this is the secret whose `hashSecret` is stored, in constant time. */
export function isSecretOf(secret: string, stored: string): boolean {
  // As text: a hash that is asked for as a Buffer takes twice as long in all.
  const [left, right] = [Buffer.from(hashSecret(secret), 'latin1'), Buffer.from(stored, 'latin1')];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** A userid is a UUID v4 in lower case; anything else never reaches a key or a query. */
export function isUserid(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text);
}

/** The public id of a token or session: 32 hex digits of a UUID v4. */
export function isTokenId(text: unknown): text is string {
  return typeof text === 'string' && TOKEN_ID.test(text);
}
