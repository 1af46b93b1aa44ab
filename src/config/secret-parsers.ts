import { parseToken } from '../common/secret-token.js';
import { Wrong, type Parser } from './parsers.js';

/** Words that examples and templates put where a secret belongs. */
const FILLERS = [
  ...['change', 'replace', 'insert', 'enter', 'put', 'your', 'my', 'me', 'this', 'here', 'please', 'the', 'some'],
  ...['super', 'top', 'very', 'secret', 'password', 'passwd', 'passphrase', 'pass', 'key', 'api', 'token', 'admin'],
  ...['example', 'placeholder', 'default', 'dummy', 'sample', 'todo', 'tbd', 'fixme', 'xxx', 'string', 'value'],
];
const FILLER = new RegExp(FILLERS.join('|'), 'g');

/** No character of a text, tab and line ends apart: of 32 random bytes some nearly always are such. */
const NOT_TEXT = /[^\P{Cc}\t\r\n]/u;

/**
 * True for what stands in templates and not in a deployment: `<…>`, `${…}`, nothing but words such as
 * "change me", "my secret key" or "password1".
 */
export function isPlaceholder(secret: string): boolean {
  if (!NOT_TEXT.test(secret) && /^<.*>$|\$\{.*\}/s.test(secret)) return true;
  const letters = secret.toLowerCase().replace(/[^\p{L}]/gu, '');
  return letters !== '' && letters.replace(FILLER, '') === '';
}

/** True for a key that is one or a few characters over and over, such as 32 zeros. */
export function isMonotonous(secret: string): boolean {
  return new Set(secret).size < 5;
}

/** At least 32 bytes: as long as the output of the SHA-256 that it keys (RFC 2104 section 3). */
export const longKey: Parser<string> = (text) => {
  if (Buffer.byteLength(text) < 32) throw new Wrong('must have at least 32 bytes');
  return text;
};

/** A username, folded: NFKC, lower case, then 3 to 32 of the contract's alphabet. */
export const username: Parser<string> = (text) => {
  const folded = text.normalize('NFKC').toLowerCase();
  if (!/^[a-z][a-z0-9._-]{2,31}$/.test(folded)) throw new Wrong('must be 3 to 32 of a-z 0-9 . _ -, first a letter');
  return folded;
};

/** A password within the contract's upper bounds; its least length is a variable of its own. */
export const password: Parser<string> = (text) => {
  if (!text.isWellFormed()) throw new Wrong('must be well-formed Unicode');
  if ([...text.normalize('NFC')].length > 128) throw new Wrong('must have at most 128 characters');
  return text;
};

/** A whole apitoken: `apt_<id>_<secret>`. */
export const apitoken: Parser<string> = (text) => {
  if (parseToken('apt', text) === null)
    throw new Wrong('must be an apitoken: apt_<UUID v4 without dashes>_<43 base64url>');
  return text;
};

/** A key that is mixed into every password, under the name that is kept beside the hash. */
export interface Pepper {
  readonly id: string;
  /** 32 bytes. */
  readonly key: Buffer;
}

/** `<id>:<base64 of 32 bytes>[,<old id>:…]`; the id, 1 to 32 of A-Z a-z 0-9 . _ -, is kept in the stored hash. */
export const peppers: Parser<readonly Pepper[]> = (text) => {
  const parsed = text.split(',').map((entry) => {
    const [, id, base64] = /^([A-Za-z0-9._-]{1,32}):([A-Za-z0-9+/]{43}=)$/.exec(entry) ?? [];
    const key = Buffer.from(base64 ?? '', 'base64');
    // Two spellings of one key differ in bits that base64 drops: take only the one that comes back.
    if (id === undefined || key.toString('base64') !== base64) {
      throw new Wrong('must be <id>:<base64 of 32 bytes>, older ones after a comma; ids of A-Z a-z 0-9 . _ -');
    }
    return { id, key };
  });
  if (new Set(parsed.map(({ id }) => id)).size < parsed.length) throw new Wrong('must not give two keys the same id');
  return parsed;
};
