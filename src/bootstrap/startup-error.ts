/** Why the service cannot start, in words for its operator; no stack is printed and no secret is in it. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/** In words for the operator, where there are any. */
export function whyNotListening(error: unknown, name: 'PORT' | 'METRICS_PORT', host: string, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return new StartupError(`${name}: ${port} is in use on ${host}`);
  if (code === 'EACCES') return new StartupError(`${name}: this user may not listen on ${port}`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return new StartupError(`HOST: ${host} is not of this machine`);
  return error;
}
