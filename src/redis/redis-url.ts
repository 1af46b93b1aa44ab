/** The URL with another host and port: same protocol, user, password and database. IPv6 comes without brackets. */
export function atAddress(url: string, host: string, port: number): string {
  const moved = new URL(url);
  moved.hostname = host.includes(':') ? `[${host}]` : host;
  moved.port = String(port);
  return moved.href;
}

/** The URL without user and password. */
export function withoutCredentials(url: string): string {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare.href;
}

/** The URL without the number of a database, which neither a sentinel nor a Cluster has. */
export function withoutDatabase(url: string): string {
  const bare = new URL(url);
  bare.pathname = '';
  return bare.href;
}
