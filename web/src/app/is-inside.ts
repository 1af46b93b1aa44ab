/** Pages of an account ask for a session, and stand beside the navigation; log-in and its like stand alone. */
export function isInside(pathname: string): boolean {
  return /^\/(?:account|admin)(?!\/reset-password)(?:\/|$)/.test(pathname);
}
