import { isIP, isIPv4 } from 'node:net';
import { Problem } from '../common/problem.js';
import { normaliseAddress } from '../http/source-address.js';

/** Whoever holds one IPv6 /48 may fill this many of its /64 (docs/security.md, Limits). */
export const WIDE_FACTOR = 5;

/** The network that a request came from, as the limits see it. */
export interface Source {
  /** An IPv4 address, or the /64 of an IPv6 address: what one household or machine has. */
  readonly key: string;
  /** The /48 of an IPv6 address, which has 65,536 of those; null for IPv4. */
  readonly wideKey: string | null;
}

/**
 * The source of a client's address, in whatever spelling; an IPv4-mapped IPv6 address is that IPv4 address, and a
 * zone (`%eth0`) is left out. A missing or broken address must never mean that nothing is limited: 503.
 */
export function sourceOf(address: string | undefined): Source {
  const canonical = address === undefined || isIP(address) === 0 ? null : normaliseAddress(address);
  if (canonical === null) {
    throw new Problem('unavailable', { retryAfterSeconds: 2, cause: new Error('the client has no usable address') });
  }
  if (isIPv4(canonical)) return { key: canonical, wideKey: null };
  const groups = expand(canonical);
  return { key: `${groups.slice(0, 4).join(':')}::/64`, wideKey: `${groups.slice(0, 3).join(':')}::/48` };
}

/** All 8 groups of a canonical IPv6 address; of one that ends in dotted IPv4 form, 7, of which the first 6 count. */
function expand(canonical: string): string[] {
  const [head = [], tail] = canonical.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  if (tail === undefined) return head;
  const dotted = tail.at(-1)?.includes('.') ? 1 : 0;
  return [...head, ...Array<string>(8 - head.length - tail.length - dotted).fill('0'), ...tail];
}
