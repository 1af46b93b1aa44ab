import type { components } from './api.js';
import type { Client } from './client.js';
import { hasCode } from './problem-error.js';
import type { SecretStore } from './secret-store.js';
import type { TokenMode } from './token-mode.js';

type LoginRequest = components['schemas']['LoginRequest'];

/** What token mode logs in with; without an apitoken, the one that `signUp` or `fetchApitoken` left in the store. */
export type LoginDetails = Omit<LoginRequest, 'apitoken'> & Partial<Pick<LoginRequest, 'apitoken'>>;

const APITOKEN = 'apitoken';

/** Keeps the user's apitoken for later logins. */
export function keepApitoken(store: SecretStore, apitoken: string): Promise<void> {
  return store.set(APITOKEN, apitoken);
}

/**
 * Logs in; userid and accesstoken lie in the mode's store when this resolves. Whatever is wrong with the three, it is
 * ProblemError `invalid_credentials`. Throws an Error, and asks nobody, where no apitoken is given nor stored.
 */
export async function login(
  api: Client<TokenMode>,
  details: LoginDetails,
): Promise<components['schemas']['LoginResponse']> {
  const apitoken = details.apitoken ?? (await api.mode.store.get(APITOKEN));
  if (apitoken === null) throw new Error('No apitoken is in the store: sign up, or fetch one');
  // An object with more in it is fine here; the service refuses what it does not know.
  const { username, password, deviceName } = details;
  return api.POST('/v1/auth/login', { body: { username, password, apitoken, deviceName } });
}

/**
 * Logs out. The session leaves the store when the service has said that it is over; where no answer comes it stays,
 * so that this can be called again.
 */
export async function logout(api: Client<TokenMode>): Promise<void> {
  try {
    await api.POST('/v1/auth/logout');
  } catch (error) {
    if (!hasCode(error, 'unauthenticated')) throw error;
    await api.mode.forget();
  }
}
