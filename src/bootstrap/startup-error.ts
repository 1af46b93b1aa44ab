/** Why the service cannot start, in words for its operator; no stack is printed and no secret is in it. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}
