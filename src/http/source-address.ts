import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../common/problem.js';

const WITH_PORT = /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/;
const BRACKETED = /^\[([^\]]+)\](?::\d{1,5})?$/;
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

/**
 * One spelling per address, so that a limit cannot be passed by spelling it otherwise: IPv4 dotted (an
 * IPv4-mapped IPv6 address too), IPv6 compressed, in lower case, without zone. A port is cut off.
 * Null where the text is no address.
 */
export function normaliseAddress(text: string): string | null {
  const bare = WITH_PORT.exec(text)?.[1] ?? BRACKETED.exec(text)?.[1] ?? text;
  const address = bare.split('%', 1)[0]!;
  const family = isIP(address);
  if (family === 4) return address;
  if (family !== 6) return null;
  const compressed = new SocketAddress({ address, family: 'ipv6' }).address;
  return MAPPED.exec(compressed)?.[1] ?? compressed;
}

/**
 * Whose request it is: the socket's address, or, behind proxies of `TRUST_PROXY`, the right-most address of
 * `X-Forwarded-For` that is none of theirs. What a proxy forwards that is no address is passed over.
 * @throws Problem `unavailable` where the client has gone and left no address: without one nothing may be
 * counted, so nothing may go on.
 */
export function sourceAddress(request: FastifyRequest): string {
  const chain: readonly (string | undefined)[] = request.ips ?? [request.ip];
  for (const hop of chain.toReversed()) {
    const address = hop === undefined ? null : normaliseAddress(hop);
    if (address !== null) return address;
  }
  throw new Problem('unavailable', { cause: new Error('the request has no source address') });
}

/** The proxies of `TRUST_PROXY`, to be asked by `isFromProxy`. */
export function proxyList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** Whether one of these proxies has sent the request, whoever it comes from. */
export function isFromProxy({ socket }: FastifyRequest, proxies: BlockList): boolean {
  return isProxy(socket.remoteAddress, proxies);
}

/** Whether the address is one of these proxies'. */
export function isProxy(text: string | undefined, proxies: BlockList): boolean {
  const address = normaliseAddress(text ?? '');
  return address !== null && proxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** Whether the scheme is https: the socket's, or what a proxy of `TRUST_PROXY` says by `X-Forwarded-Proto`. */
export function isHttps(request: FastifyRequest): boolean {
  return request.protocol?.toLowerCase() === 'https';
}
