/**
 * The longest request target that is read, in bytes. RFC 9110 asks for 8,000 at least; with the 16 KiB for
 * all headers this leaves as much for the rest.
 */
export const MAX_TARGET_LENGTH = 8 * 1024;

/** Printable ASCII, the only bytes a URL is made of (RFC 3986). */
const ASCII = /^[\x21-\x7e]+$/;
const ABSOLUTE = /^https?:\/\/[^/?#@]+(?:[/?][^#]*)?$/i;

export type TargetFault = 'uri_too_long' | 'malformed';

/**
 * What is wrong with a request target (path and query as sent), or null. Malformed is what has other bytes
 * than a URL, an escape that is none or that does not decode to UTF-8, or another form than the path or an
 * absolute http URL; `*` is left to the caller.
 */
export function faultOf(target: string): TargetFault | null {
  if (target.length > MAX_TARGET_LENGTH) return 'uri_too_long';
  if (!ASCII.test(target)) return 'malformed';
  if (target[0] !== '/' && target !== '*' && !(ABSOLUTE.test(target) && URL.canParse(target))) return 'malformed';
  return target.includes('%') && decodeOnce(target) === null ? 'malformed' : null;
}

/** The text with its percent-escapes decoded once, or null where one of them is broken. */
export function decodeOnce(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
