/** What an app ships with. */
export interface ShippedCredential {
  readonly username: string;
  readonly password: string;
  readonly apitoken: string;
}

/** For a React Native app that uses `postern-client`: the credential, kept encrypted, and a client that can sign up. */
export function snippetFor(credential: ShippedCredential, baseUrl: string = location.origin): string {
  const { username, password, apitoken } = credential;
  return `import * as SecureStore from 'expo-secure-store';
import { createClient, keepAppCredential, secureStore, signUp, tokenMode } from 'postern-client';

const appCredential = {
  username: '${username}',
  password: '${password}',
  apitoken: '${apitoken}',
};

const store = secureStore(SecureStore);
const kept = keepAppCredential(store, appCredential);
export const api = createClient({ baseUrl: '${baseUrl}', mode: tokenMode({ store }) });

/** Signs somebody up and logs them in. */
export async function join(username: string, password: string, deviceName: string) {
  await kept;
  await signUp(api, { username, password, deviceName });
}
`;
}

/** 256 bits in 64 hex digits, as long as the longest minimum: nobody has to remember it, it lies in the app. */
export function makePassword(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
