/** 3 to 32 of a-z 0-9 . _ -, first a letter (contract). */
const USERNAME = /^[a-z][a-z0-9._-]{2,31}$/;

/** What is wrong with a text that `foldUsername` refuses. */
export const USERNAME_ERROR = 'must be 3 to 32 of a-z 0-9 . _ -, first a letter';

/**
 * The one form in which a username is looked up and stored: NFKC, lower case. Null for whatever does not fold into
 * the alphabet, which therefore is nobody's name. Folding happens here and never in the database, whose LOWER()
 * depends on its locale.
 */
export function foldUsername(text: unknown): string | null {
  if (typeof text !== 'string' || text.length > 128 || !text.isWellFormed()) return null;
  const folded = text.normalize('NFKC').toLowerCase();
  return USERNAME.test(folded) ? folded : null;
}
