/**
 * Plays a mobile app against a running service:
 *
 *   npm start                              in one shell
 *   node docs/examples/mobile-app.mjs      in another
 *
 * `POSTERN_URL` is where the service is (default http://127.0.0.1:3000), `DATA_DIR` its data folder (default .data):
 * there `credentials.env` has the app credential that was made at the first start. `npm run build` comes before.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, keepAppCredential, login, logout, secureStore, signUp, tokenMode } from 'postern-client';

const { POSTERN_URL = 'http://127.0.0.1:3000', DATA_DIR = '.data' } = process.env;

/** On a phone: `import * as SecureStore from 'expo-secure-store'`. */
const keychain = new Map();
const SecureStore = {
  getItemAsync: async (key) => keychain.get(key) ?? null,
  setItemAsync: async (key, value) => void keychain.set(key, value),
  deleteItemAsync: async (key) => void keychain.delete(key),
};

/** What an app is built with; here the one that the service made for development. */
function appCredential() {
  const lines = readFileSync(join(DATA_DIR, 'credentials.env'), 'utf8');
  const value = (name) => new RegExp(`^BOOTSTRAP_APP_${name}='(.*)'$`, 'm').exec(lines)[1];
  return { username: value('USERNAME'), password: value('PASSWORD'), apitoken: value('APITOKEN') };
}

const store = secureStore(SecureStore);
await keepAppCredential(store, appCredential());
const api = createClient({ baseUrl: POSTERN_URL, mode: tokenMode({ store }) });

const user = {
  username: `ada-${randomBytes(4).toString('hex')}`,
  password: `otters sail at dawn ${randomBytes(4).toString('hex')}`,
  deviceName: 'Ada’s phone',
};
const { userid } = await signUp(api, user);
console.log(`signed up: ${user.username} is ${userid}`);

await logout(api);
await login(api, user);
console.log('logged in again with username, password and the apitoken of the secure store');

const me = await api.GET('/v1/users/me');
console.log(`me: ${me.username}, roles ${me.roles.join(', ')}`);

for (const session of (await api.GET('/v1/sessions')).items) {
  console.log(`session: ${session.deviceName}${session.current ? ' (this one)' : ''}, until ${session.expiresAt}`);
}

await logout(api);
const after = await api.GET('/v1/users/me').catch((error) => error.code);
console.log(`logged out: ${after}`);
