/** What a parser throws. The message says what is wrong with the text and never repeats any of it. */
export class Wrong extends Error {}

/** Turns the text of a variable into its value, or throws `Wrong`. */
export type Parser<T> = (text: string) => T;

/** A whole number in plain decimal digits: no sign, no exponent, no leading zero, nothing after it. */
export function integer(min: number, max: number): Parser<number> {
  return (text) => {
    const value = /^(0|[1-9]\d{0,14})$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) throw new Wrong(`must be a whole number from ${min} to ${max}`);
    return value;
  };
}

/** One of these words, exactly. */
export function oneOf<const T extends string>(...words: readonly T[]): Parser<T> {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw new Wrong(`must be one of ${words.join(', ')}`);
    return word;
  };
}

/** `true` or `false`; not 1, yes or on, which other programs read differently. */
export const flag: Parser<boolean> = (text) => oneOf('true', 'false')(text) === 'true';

const MOST_PLACES = 5;

/** Entries between commas, spaces around them ignored, doubles dropped. Wrong ones are named by their places. */
export function list(parseEntry: Parser<string>): Parser<readonly string[]> {
  return (text) => {
    const wrong = new Map<string, number[]>();
    const entries = text.split(',').map((entry, index) => {
      try {
        if (entry.trim() === '') throw new Wrong('is empty');
        return parseEntry(entry.trim());
      } catch (error) {
        if (!(error instanceof Wrong)) throw error;
        const at = wrong.get(error.message);
        if (at === undefined) wrong.set(error.message, [index + 1]);
        else at.push(index + 1);
        return entry;
      }
    });
    if (wrong.size > 0) throw new Wrong([...wrong].map(([what, at]) => `entry ${places(at)} ${what}`).join('; '));
    return [...new Set(entries)];
  };
}

function places(at: readonly number[]): string {
  return at.slice(0, MOST_PLACES).join(', ') + (at.length > MOST_PLACES ? ' …' : '');
}

/** A text of that many code points, which may not begin or end with a space. */
export function text(min: number, max: number): Parser<string> {
  return (value) => {
    const length = [...value].length;
    if (length < min || length > max) throw new Wrong(`must have ${min} to ${max} characters`);
    if (value.trim() !== value) throw new Wrong('must not begin or end with a space');
    return value;
  };
}

/** A text that the pattern describes; `rule` says so in words. */
export function matching(pattern: RegExp, rule: string): Parser<string> {
  return (value) => {
    if (!pattern.test(value)) throw new Wrong(`must be ${rule}`);
    return value;
  };
}
