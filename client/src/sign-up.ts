import { loginAsApp, type AppCredential } from './app-credential.js';
import type { Client } from './client.js';
import { keepApitoken, login } from './login.js';
import { hasCode, isOutcomeUnknown, type ProblemError } from './problem-error.js';
import type { TokenMode } from './token-mode.js';

/** Somebody who signs up, or fetches an apitoken, on a phone. */
export interface NewUser {
  readonly username: string;
  readonly password: string;
  /** What lists of sessions and apitokens call this phone. */
  readonly deviceName?: string;
  /** Default: what `keepAppCredential` left in the store. */
  readonly app?: AppCredential;
}

/** An account and the apitoken that this phone has of it; the store has it too. */
export interface OwnApitoken {
  readonly userid: string;
  readonly apitoken: string;
}

/** Whose sign-up was sent and not yet answered. It outlives the app: a phone may be switched off in between. */
const PENDING = 'pending-signup';
const TRIES = 2;

/**
 * Signs somebody up through the app credential and logs them in. When it resolves, apitoken and session are in the
 * store.
 *
 * An answer that is lost on its way loses nobody's account: the request is sent once more, and where the name is then
 * taken, the same password is asked for an apitoken (`POST /v1/apitokens`). Right: it is the account that was just
 * made. Wrong: somebody else's, and the caller gets the 409 `username_taken`. After a ConnectionError simply call it
 * again, with the same username and password, also after a restart of the app. AppCredentialError where the app
 * credential is refused.
 */
export async function signUp(api: Client<TokenMode>, user: NewUser): Promise<OwnApitoken> {
  const { store } = api.mode;
  const app = await loginAsApp(api, user.app);
  const isPending = (await store.get(PENDING)) === user.username;
  await store.set(PENDING, user.username);
  const { userid, apitoken } = await createAccount(app, user, isPending).catch(async (error: unknown) => {
    if (isRefusal(error)) await store.remove(PENDING);
    throw error;
  });
  await keepApitoken(store, apitoken);
  const { username, password, deviceName } = user;
  await login(api, { username, password, deviceName, apitoken });
  await store.remove(PENDING);
  return { userid, apitoken };
}

/** For a second phone, or where the apitoken was lost: a new one of an account that exists. Log in with it next. */
export async function fetchApitoken(api: Client<TokenMode>, user: NewUser): Promise<OwnApitoken> {
  const made = await apitokenOf(await loginAsApp(api, user.app), user);
  await keepApitoken(api.mode.store, made.apitoken);
  return made;
}

/** `isPending`: an earlier try may have made the account. */
async function createAccount(app: Client<TokenMode>, user: NewUser, isPending: boolean): Promise<OwnApitoken> {
  const { username, password } = user;
  for (let tries = 1, mayBeOurs = isPending; ; tries += 1, mayBeOurs = true) {
    try {
      return await app.POST('/v1/users', { body: { username, password } });
    } catch (error) {
      if (mayBeOurs && hasCode(error, 'username_taken')) return apitokenIfOurs(app, user, error);
      if (!isOutcomeUnknown(error) || tries === TRIES) throw error;
    }
  }
}

async function apitokenIfOurs(app: Client<TokenMode>, user: NewUser, taken: ProblemError): Promise<OwnApitoken> {
  try {
    return await apitokenOf(app, user);
  } catch (error) {
    throw hasCode(error, 'invalid_credentials') ? taken : error;
  }
}

async function apitokenOf(app: Client<TokenMode>, { username, password, deviceName }: NewUser): Promise<OwnApitoken> {
  const body = { username, password, name: deviceName ?? 'Phone' };
  const { userid, apitoken } = await app.POST('/v1/apitokens', { body });
  return { userid, apitoken };
}

/** No account of ours can have come of it. */
function isRefusal(error: unknown): boolean {
  return hasCode(error, 'username_taken') || hasCode(error, 'invalid_request');
}
