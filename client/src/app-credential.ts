import type { Client } from './client.js';
import { login } from './login.js';
import { hasCode } from './problem-error.js';
import { memoryStore, type SecretStore } from './secret-store.js';
import { tokenMode, type TokenMode } from './token-mode.js';

/** The app account that a mobile app ships with. Whoever takes the app apart has it; see the README for what it opens. */
export interface AppCredential {
  readonly username: string;
  readonly password: string;
  readonly apitoken: string;
}

const APP_CREDENTIAL = 'app-credential';

/** Puts the app credential where the platform keeps it encrypted; `signUp` and `fetchApitoken` find it there. */
export function keepAppCredential(store: SecretStore, credential: AppCredential): Promise<void> {
  return store.set(APP_CREDENTIAL, JSON.stringify(credential));
}

/** The service knows the app credential no more: it was rotated, and this version of the app is too old. */
export class AppCredentialError extends Error {
  override readonly name = 'AppCredentialError';

  constructor(cause: unknown) {
    super('The service refuses the app credential', { cause });
  }
}

/**
 * A client that is logged in as the app; its session lies in memory alone and beside the user's. Throws an Error
 * where no credential is given nor stored.
 */
export async function loginAsApp(api: Client<TokenMode>, given?: AppCredential): Promise<Client<TokenMode>> {
  const credential = given ?? (await storedCredential(api.mode.store));
  const app = api.withMode(tokenMode({ store: memoryStore() }));
  await login(app, credential).catch((error: unknown) => {
    throw hasCode(error, 'invalid_credentials') ? new AppCredentialError(error) : error;
  });
  return app;
}

async function storedCredential(store: SecretStore): Promise<AppCredential> {
  const text = await store.get(APP_CREDENTIAL);
  if (text === null) throw new Error('No app credential is given, and none is in the store');
  return JSON.parse(text) as AppCredential;
}
