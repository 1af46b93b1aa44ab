/** What a stored password hash says of itself; see `formatPhc`. */
export interface StoredHash {
  /** Empty where no pepper went in. */
  readonly pepperId: string;
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** Why a stored hash is not obeyed. */
export type StoredHashFault = 'malformed' | 'out_of_bounds' | 'unknown_pepper';

/** ASVS 5.0 appendix C: PBKDF2-HMAC-SHA-512 takes at least 210,000 rounds. */
export const MIN_ITERATIONS = 210_000;
/** About 1.5 s of a core; a stored 10^9 would hold a thread for a quarter of an hour. */
const MAX_ITERATIONS = 2_000_000;
const HASH_BYTES = { min: 32, max: 64 };
const SALT_BYTES = { min: 16, max: 64 };
/** The longest string within the bounds has fewer characters. */
const MAX_CHARACTERS = 300;

const SHAPE =
  /^\$pbkdf2-sha512\$v=1,k=([A-Za-z0-9._-]{0,32}),i=([1-9]\d{0,9}),l=([1-9]\d{0,9})\$([A-Za-z0-9+/]*)\$([A-Za-z0-9+/]*)$/;

/** A pepper id goes into the stored string as it is. */
export function isPepperId(id: string): boolean {
  return /^[A-Za-z0-9._-]{1,32}$/.test(id);
}

/** `$pbkdf2-sha512$v=1,k=<pepper id>,i=<rounds>,l=<bytes>$<salt>$<hash>`, base64 without padding. */
export function formatPhc({ pepperId, iterations, salt, hash }: StoredHash): string {
  return `$pbkdf2-sha512$v=1,k=${pepperId},i=${iterations},l=${hash.length}$${toBase64(salt)}$${toBase64(hash)}`;
}

/**
 * Reads what `formatPhc` wrote, or says what is wrong with it: whoever can write to the database, or imports users,
 * must not choose how long a login computes. `minIterations` is lower than `MIN_ITERATIONS` in tests alone.
 */
export function parsePhc(text: string, minIterations = MIN_ITERATIONS): StoredHash | StoredHashFault {
  const match = text.length <= MAX_CHARACTERS ? SHAPE.exec(text) : null;
  if (match === null) return 'malformed';
  const [pepperId, iterations, length] = [match[1]!, Number(match[2]), Number(match[3])];
  const salt = fromBase64(match[4]!);
  const hash = fromBase64(match[5]!);
  if (salt === null || hash === null) return 'malformed';
  const within =
    iterations >= minIterations &&
    iterations <= MAX_ITERATIONS &&
    isWithin(length, HASH_BYTES) &&
    isWithin(salt.length, SALT_BYTES);
  if (!within) return 'out_of_bounds';
  return hash.length === length ? { pepperId, iterations, salt, hash } : 'malformed';
}

function isWithin(value: number, { min, max }: { min: number; max: number }): boolean {
  return value >= min && value <= max;
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

/** Null where the text is not the one way to write its bytes. */
function fromBase64(text: string): Uint8Array | null {
  // Copied out of Buffer's pool: what goes to a thread is cloned with the whole memory behind it.
  const bytes = new Uint8Array(Buffer.from(text, 'base64'));
  return toBase64(bytes) === text ? bytes : null;
}
