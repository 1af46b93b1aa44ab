import type { z } from 'zod';
import type { FieldError } from './problem.js';

/** More refused fields than this are not listed: how many there are is up to who sent them. */
const MAX_ERRORS = 100;

/** Unknown keys are named as they were sent only where they look like a name; anything else may be a secret. */
const NAME = /^\P{C}{0,64}$/u;

const REQUIRED = 'is required';
const UNKNOWN = 'is unknown';
const REPEATED = 'is repeated';

export type Checked = { readonly data: unknown } | { readonly errors: readonly FieldError[] };

/**
 * A JSON body against its schema (a strict object), `undefined` where none was sent. `repeated` are the keys
 * that the text had more than once.
 */
export function checkBody(schema: z.ZodType, body: unknown, repeated: readonly string[] = []): Checked {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    const missing = body === undefined ? errorsOf(schema, {}) : [];
    return checked(body, [{ field: 'body', message: 'must be a JSON object' }, ...missing]);
  }
  return check(schema, body, repeated);
}

/** The body of a route that takes none. */
export function checkNoBody(body: unknown): Checked {
  return checked(body, body === undefined ? [] : [{ field: 'body', message: 'this route takes no body' }]);
}

/** A parsed query string against its schema; without one, every parameter is unknown. */
export function checkQuery(schema: z.ZodType | undefined, query: Readonly<Record<string, unknown>>): Checked {
  if (schema === undefined) return checked(query, Object.keys(query).map(unknown));
  return check(
    schema,
    query,
    Object.keys(query).filter((key) => Array.isArray(query[key])),
  );
}

/** The errors of several parts together, or nothing. */
export function errorsIn(...parts: readonly Checked[]): FieldError[] {
  return parts.flatMap((part) => ('errors' in part ? part.errors : [])).slice(0, MAX_ERRORS);
}

function check(schema: z.ZodType, value: object, repeated: readonly string[]): Checked {
  const result = schema.safeParse(value);
  if (result.success && repeated.length === 0) return { data: result.data };
  const names = new Set(repeated.map(nameOf));
  const others = result.success ? [] : fieldErrors(result.error.issues, value);
  return checked(value, [
    ...[...names].map((field) => ({ field, message: REPEATED })),
    ...others.filter(({ field, message }) => message === UNKNOWN || !names.has(field)),
  ]);
}

/** One error per field says enough. */
function checked(data: unknown, errors: readonly FieldError[]): Checked {
  if (errors.length === 0) return { data };
  return { errors: [...new Map(errors.toReversed().map((error) => [error.field, error])).values()].toReversed() };
}

function errorsOf(schema: z.ZodType, value: object): FieldError[] {
  const result = schema.safeParse(value);
  return result.success ? [] : fieldErrors(result.error.issues, value);
}

/** Zod's issues by field; its messages name types and bounds, never the value. */
function fieldErrors(issues: readonly z.core.$ZodIssue[], value: object): FieldError[] {
  return issues.slice(0, MAX_ERRORS).flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return issue.keys.slice(0, MAX_ERRORS).map(unknown);
    const [first] = issue.path;
    const field = issue.path.length === 0 ? 'body' : issue.path.map(String).join('.');
    const missing = issue.path.length === 1 && !Object.hasOwn(value, first!);
    return { field, message: missing ? REQUIRED : issue.message };
  });
}

function unknown(key: string): FieldError {
  return { field: nameOf(key), message: UNKNOWN };
}

function nameOf(key: string): string {
  return NAME.test(key) ? key : '(unprintable)';
}
