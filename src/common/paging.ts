import { isUtf8 } from 'node:buffer';
import { z } from 'zod';

const DEFAULT_LIMIT = 25;
const MAX_LIMIT = 100;
const LIMIT = /^(?:[1-9]\d?|100)$/;

/** Between the parts of a sort key; no part contains it: times, ids and names do not. */
const SEPARATOR = ',';
const MAX_CURSOR_LENGTH = 512;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

const limit = z
  .string()
  .regex(LIMIT, `must be a whole number from 1 to ${MAX_LIMIT}`)
  .transform(Number)
  .default(DEFAULT_LIMIT)
  .meta({ description: 'How many to list', type: 'integer', minimum: 1, maximum: MAX_LIMIT, example: DEFAULT_LIMIT });

/** Whether a text can be this part of a sort key: anybody can write a cursor. */
type Fits = (part: string) => boolean;

/**
 * The query of a list; a list with filters extends it. Its `cursor` comes out as the sort key that it stands for.
 * @param key what the list sorts by, part by part, as `toPage` is told it
 */
export function pageQuery(...key: readonly Fits[]) {
  return z.strictObject({ limit, cursor: cursorOf(key).optional() });
}
export type PageQuery = z.output<ReturnType<typeof pageQuery>>;

function cursorOf(key: readonly Fits[]) {
  const isKey = (parts: readonly string[]) => parts.length === key.length && key.every((fits, at) => fits(parts[at]!));
  return z
    .string()
    .meta({ description: 'The nextCursor of the page before' })
    .transform((text) => decode(text) ?? [])
    .refine(isKey, { error: 'must be a nextCursor of this list' });
}

/** One page of a list; `nextCursor` is null at its end. */
export interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

const nextCursor = z
  .string()
  .nullable()
  .meta({ description: 'For the next page; null: this is the last', example: null });

/** The schema of a page of such items, for the API's description. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), nextCursor });
}

/** The cursor that stands for a row: its sort key, part by part, in base64url. */
export function encodeCursor(parts: readonly string[]): string {
  if (parts.length === 0 || parts.some((part) => part === '' || part.includes(SEPARATOR))) {
    throw new Error('a sort key has parts that are not empty and have no comma');
  }
  return Buffer.from(parts.join(SEPARATOR)).toString('base64url');
}

/** The parts of a cursor in its only spelling, or null. */
function decode(cursor: string): string[] | null {
  if (cursor.length > MAX_CURSOR_LENGTH || !BASE64URL.test(cursor)) return null;
  const bytes = Buffer.from(cursor, 'base64url');
  if (bytes.toString('base64url') !== cursor || !isUtf8(bytes)) return null;
  const text = bytes.toString();
  const parts = text.split(SEPARATOR);
  return /\p{Cc}/u.test(text) || parts.includes('') ? null : parts;
}

/** SQL of a time as a part of a sort key: Unix µs, since a `Date` would lose what a cursor needs. */
export function microsOf(time: string): string {
  return `(extract(epoch FROM ${time}) * 1000000)::bigint`;
}

/** SQL of the time that `microsOf` made a key of, given as the parameter of that name. */
export function timeOfMicros(parameter: string): string {
  return `timestamptz 'epoch' + ${parameter}::bigint * interval '1 microsecond'`;
}

/** What `microsOf` gives, from 1970 up to the year 2286. */
export function isMicros(part: string): boolean {
  return /^\d{1,16}$/.test(part);
}

/**
 * The page of `limit` rows out of up to `limit + 1` that were asked for: the one too many says that there is a
 * next page. `keyOf` gives a row's sort key.
 */
export function toPage<T>(rows: readonly T[], limit: number, keyOf: (row: T) => readonly string[]): Page<T> {
  const items = rows.slice(0, limit);
  return { items, nextCursor: rows.length > limit ? encodeCursor(keyOf(items.at(-1)!)) : null };
}
