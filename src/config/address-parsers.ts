import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { matching, Wrong, type Parser } from './parsers.js';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** A name by RFC 1123; a last label of digits alone would be read as an address, so it must be one. */
const HOST_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/i;

/** True where what is sent to this host stays on this machine: loopback, or the folder of a Unix socket. */
export function isThisMachine(host: string): boolean {
  if (host.startsWith('/') || host.toLowerCase() === 'localhost') return true;
  const family = isIP(host);
  return family !== 0 && LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** An address or a host name to listen on, without a port. */
export const listenHost: Parser<string> = (text) => {
  if (isIP(text) === 0 || text.includes('%')) return matching(HOST_NAME, 'an IP address or a host name')(text);
  return text;
};

/** An origin exactly as a browser sends it: scheme, host and port, no path, no default port, lower case. */
export const origin: Parser<string> = (text) => {
  const url = URL.parse(text);
  // The URL parser lets a * stand in a host name.
  const host = unbracketed(url?.hostname ?? '');
  const hasHost = isIP(host) !== 0 || HOST_NAME.test(host);
  if (url === null || !hasHost || !/^https?:$/.test(url.protocol) || url.origin !== text) {
    throw new Wrong('must be an exact origin: https://host or https://host:port, lower case, no path, no default port');
  }
  return text;
};

/** True for an origin that nobody on the way could read or change: https, or this machine by its plain names. */
export function isSafeOrigin(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || hostname === 'localhost' || hostname === '127.0.0.1';
}

/** An address block of proxies in CIDR form; a plain address becomes /32 or /128. Not everybody (/0). */
export const cidr: Parser<string> = (text) => {
  if (/^(true|\*|\d+)$/.test(text))
    throw new Wrong('must be an address or a CIDR: neither true, * nor a number of hops');
  const [address = '', prefix, ...rest] = text.split('/');
  const bits = isIPv4(address) ? 32 : 128;
  if (isIP(address) === 0 || rest.length > 0) throw new Wrong('must be an IPv4 or IPv6 address or a CIDR');
  if (address.includes('%') || (isIPv6(address) && isMappedIPv4(address))) {
    throw new Wrong('must be without a zone, and IPv4 written as IPv4');
  }
  if (prefix === undefined) return `${address}/${bits}`;
  if (!/^[1-9]\d{0,2}$/.test(prefix) || Number(prefix) > bits) {
    throw new Wrong(`must have a prefix of 1 to ${bits} bits`);
  }
  return text;
};

/** `postgres://…` or `postgresql://…` as node-pg reads it, which takes the host from `?host=` first. */
export const databaseUrl: Parser<string> = (text) => {
  const url = parseUrl(text, /^postgres(ql)?:$/, 'postgres://user:password@host:port/database');
  const keys = [...url.searchParams.keys()];
  if (new Set(keys).size < keys.length) throw new Wrong('must not repeat a parameter after the ?');
  if (databaseHost(text) === '') throw new Wrong('must name a host');
  return text;
};

/** The host, address or socket folder that node-pg will connect to. */
export function databaseHost(url: string): string {
  const { hostname, searchParams } = new URL(url);
  return searchParams.get('host') || decodeURIComponent(unbracketed(hostname));
}

/**
 * True where the connection stays on this machine or is TLS with the certificate checked. Of what node-pg 8
 * understands only `sslmode=verify-full` says that today and in its next major version alike.
 */
export function isSafeDatabaseUrl(url: string): boolean {
  return isThisMachine(databaseHost(url)) || new URL(url).searchParams.get('sslmode') === 'verify-full';
}

/** `redis://` or `rediss://`, one host or several (`a:1,b:2`), and at most the number of a database as path. */
export const redisUrl: Parser<string> = (text) => {
  for (const url of redisNodes(text)) {
    const parsed = parseUrl(url, /^rediss?:$/, 'redis://user:password@host:port or rediss://…');
    if (parsed.hostname === '') throw new Wrong('must name a host');
    if (parsed.search !== '' || parsed.hash !== '' || !/^(\/\d{0,4})?$/.test(parsed.pathname)) {
      throw new Wrong('must have nothing after the host and port but the number of a database');
    }
  }
  return text;
};

/** One URL for each host that the text names. */
export function redisNodes(text: string): string[] {
  const [, before, hosts, after] = /^([^/]*\/\/(?:[^/]*@)?)([^/?#]*)(.*)$/s.exec(text) ?? [];
  if (hosts === undefined) return [text];
  return hosts.split(',').map((host) => `${before}${host}${after}`);
}

/** True where every connection stays on this machine or is TLS; node-redis checks the certificate of `rediss://`. */
export function isSafeRedisUrl(text: string): boolean {
  return text.toLowerCase().startsWith('rediss:') || redisNodes(text).every(isOnThisMachine);
}

/** True where the host of the URL is this machine. */
export function isOnThisMachine(url: string): boolean {
  return isThisMachine(unbracketed(new URL(url).hostname));
}

/** The passwords that a database or Redis URL may carry, decoded; empty where there is none. */
export function passwordsIn(text: string): string[] {
  const { password, searchParams } = new URL(redisNodes(text)[0]!);
  return [decodeURIComponent(password), searchParams.get('password') ?? ''];
}

function parseUrl(text: string, protocol: RegExp, form: string): URL {
  const url = /[\s\\]/.test(text) ? null : URL.parse(text);
  if (url === null || !protocol.test(url.protocol)) throw new Wrong(`must be a URL like ${form}`);
  if (!canDecode(`${url.hostname}${url.username}${url.password}${url.pathname}`)) {
    throw new Wrong('has a % that begins no escape: write it as %25');
  }
  return url;
}

function canDecode(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** The URL parser writes every spelling of an address in the same way. */
function isMappedIPv4(address: string): boolean {
  return new URL(`http://[${address}]`).hostname.startsWith('[::ffff:');
}

function unbracketed(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}
