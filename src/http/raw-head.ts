import type { BlockList, Socket } from 'node:net';
import type { ClientInfo } from './client-info.js';
import { headerValues } from './raw-headers.js';
import { requestIdOf } from './request-id.js';
import { isProxy, normaliseAddress } from './source-address.js';

/** As much of a request as is known where none came of it. */
export interface RawHead {
  /** Null where it cannot be told. */
  readonly method: string | null;
  /** Names and values by turns, as Node gives them. */
  readonly rawHeaders: readonly string[];
}

/** Who sent it: what is known of a client, but that it may have gone and left no address. */
export interface RawSender extends Omit<ClientInfo, 'ip'> {
  readonly ip: string | null;
  readonly https: boolean;
}

/**
 * The head in which the parser stopped, as far as it came in that packet.
 * @param stop how many bytes of the packet were parsed
 */
export function headOf(packet: Buffer | undefined, stop = 0): RawHead {
  const text = packet?.toString('latin1') ?? '';
  const before = text.lastIndexOf('\r\n\r\n', Math.max(0, stop - 4));
  const start = before === -1 ? 0 : before + 4;
  const end = text.indexOf('\r\n\r\n', start);
  const [line = '', ...headers] = text.slice(start, end === -1 ? undefined : end).split('\r\n');
  const method = /^[A-Za-z-]{1,20}(?= )/.exec(line)?.[0] ?? null;
  return { method, rawHeaders: headers.flatMap(parseHeader) };
}

/** Who sent that head over this socket; forwarded headers count from a proxy alone. */
export function senderOf(socket: Socket, { rawHeaders }: RawHead, proxies: BlockList): RawSender {
  const entries = (name: string) => headerValues(rawHeaders, name).flatMap((value) => value.split(','));
  const scheme = isProxy(socket.remoteAddress, proxies) ? entries('x-forwarded-proto').at(-1) : undefined;
  const encrypted = 'encrypted' in socket && socket.encrypted === true;
  return {
    requestId: requestIdOf({ 'x-request-id': headerValues(rawHeaders, 'x-request-id').join() }),
    https: scheme === undefined ? encrypted : scheme.trim().toLowerCase() === 'https',
    ip: addressOf(socket.remoteAddress, entries('x-forwarded-for'), proxies),
    userAgent: headerValues(rawHeaders, 'user-agent').join().slice(0, 200),
    arrivedAt: performance.now(),
  };
}

/** As `sourceAddress`, which asks Fastify: the right-most address that is no proxy's. */
function addressOf(remote: string | undefined, hops: readonly string[], proxies: BlockList): string | null {
  let address = normaliseAddress(remote ?? '');
  for (const hop of hops.toReversed()) {
    const next = isProxy(address ?? undefined, proxies) ? normaliseAddress(hop.trim()) : null;
    if (next === null) break;
    address = next;
  }
  return address;
}

function parseHeader(line: string): string[] {
  const colon = line.indexOf(':');
  return colon < 1 ? [] : [line.slice(0, colon), line.slice(colon + 1).trim()];
}
