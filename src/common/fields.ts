import { z } from 'zod';

/** Code points, not UTF-16 units: an emoji counts once (contract, Bounds). */
function text(name: string, min: number, max: number) {
  return z
    .string()
    .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), {
      error: 'must be well-formed and without control characters',
      abort: true,
    })
    .refine((value) => within([...value].length, min, max), { error: `must have ${min} to ${max} characters` })
    .meta({ description: `${name}; no control characters`, minLength: min, maxLength: max });
}

function within(length: number, min: number, max: number): boolean {
  return length >= min && length <= max;
}

/** The name of an apitoken. */
export const tokenName = text('Name of the apitoken', 1, 64).meta({ example: 'Backup script' });

/** What a role or a private area is for. */
export const description = text('What it is for', 0, 200).meta({ example: 'May read the reports' });

/** What a client calls the device that it runs on. */
export const deviceName = text('Name of the device', 1, 64).meta({ example: 'My phone' });

/** The beginning of a username. */
export const search = text('Beginning of the username', 1, 32).meta({ example: 'ali' });

const NAME = /^[a-z][a-z0-9_-]{1,31}$/;
const NAME_ERROR = 'must be 2 to 32 of a-z 0-9 _ -, first a letter';

export const roleName = z.string().regex(NAME, NAME_ERROR).meta({ description: 'A role', example: 'editor' });
export const areaName = z.string().regex(NAME, NAME_ERROR).meta({ description: 'A private area', example: 'reports' });

/**
 * A username, password, apitoken or code where somebody proves who they are: only type and size are judged
 * here; what cannot be right is wrong (401), not invalid (contract).
 */
export const credential = z
  .string()
  .refine((value) => Buffer.byteLength(value) <= 1024, { error: 'must have at most 1,024 bytes' })
  .meta({ maxLength: 1024 });

/** A password to be set: the password policy judges it. */
export const newPassword = z
  .string()
  .meta({ description: 'The new password; GET /v1/config says how long', example: 'nine lighthouses and a kettle' });

/** RFC 3339 needs seconds and an offset; ISO 8601, which zod checks, needs neither. */
const WITH_SECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;
const MAX_YEARS = 5;

/** A time, as RFC 3339 has it: `t` and `z` may be small (section 5.6). Gives the text, with capitals. */
export const time = z.preprocess(
  (value) => (typeof value === 'string' ? value.toUpperCase() : value),
  z.iso
    .datetime({ offset: true, error: 'must be an RFC 3339 time' })
    .refine((value) => WITH_SECONDS.test(value), { error: 'must be an RFC 3339 time' }),
);

/** When an apitoken ends: a time in the future, at most five years from now. Gives a `Date`. */
export const expiresAt = time
  .refine(isInTheNearFuture, { error: `must be in the future, at most ${MAX_YEARS} years` })
  .meta({ description: `RFC 3339, in the future, at most ${MAX_YEARS} years`, example: '2030-01-31T12:00:00Z' })
  .transform((value) => new Date(value));

function isInTheNearFuture(value: string): boolean {
  const latest = new Date();
  latest.setUTCFullYear(latest.getUTCFullYear() + MAX_YEARS);
  const time = Date.parse(value);
  return time > Date.now() && time <= latest.getTime();
}
