/** Where people go who were not on their way anywhere. */
const HOME = '/account';

/**
 * The path to go to after login, from `?next=`: one of these pages, or the account. Whatever a browser would read as
 * another site is no path: `//host`, `/\host`, a scheme, control characters that it drops.
 */
export function nextPath(next: unknown, origin: string = location.origin): string {
  if (typeof next !== 'string' || !next.startsWith('/')) return HOME;
  const url = URL.parse(next, origin);
  if (url === null || url.origin !== origin || !/^\/(?:account|admin)(?:\/|$)/.test(url.pathname)) return HOME;
  return `${url.pathname}${url.search}${url.hash}`;
}
