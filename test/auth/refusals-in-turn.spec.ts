import { formatToken, makeToken } from '../../src/common/secret-token.js';
import { RefusalPace } from '../../src/limits/refusal-pace.js';
import { startTestApp, type TestApp } from '../support/app.js';
import {
  adminLogin,
  api,
  appLogin,
  createUser,
  newSource,
  OWN_PAGE,
  type Reply,
  type User,
} from '../support/client.js';
import { FIRST_ADMIN } from '../support/first-accounts.js';

const PASSWORD = 'harbour lights over granite';
const SECRET_KEY = 'a key of the tests, 32 bytes or more, kept by nobody';
const WAIT_MS = 600;
/** Less than that is a timer of Node early: it cuts both its time and its clock to whole milliseconds. */
const EARLY_MS = 2;

let app: TestApp;
let user: User;

beforeAll(async () => {
  app = await startTestApp({ env: { BASIC_AUTH: 'true', SECRET_KEY, WEB_SIGNUP: 'open' }, store: 'redis' });
  user = await createUser(app.url);
});
afterAll(() => app.close());

/** As if so many logins had just been refused that the next one leaves later. */
function othersWereRefused(): void {
  app.get(RefusalPace)['lastLeaves'] = performance.now() + WAIT_MS;
}

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  api(app.url).post(path, body, { source: newSource(), headers });
const taken = { username: FIRST_ADMIN.username, password: PASSWORD };
const HTTPS = { 'x-forwarded-proto': 'https' };
const BASIC = `Basic ${Buffer.from(`${taken.username}:${taken.password}`).toString('base64')}`;
const wrong = (kind: 'apt' | 'rst') => formatToken(kind, makeToken());

const REFUSED: Record<string, () => Promise<Reply<unknown>>> = {
  'a login': () => post('/v1/auth/login', { ...taken, apitoken: wrong('apt') }),
  'a login on the web': () => post('/v1/auth/web/login', taken, OWN_PAGE),
  'a call with Basic': () =>
    api(app.url).get('/v1/users/me', { source: newSource(), headers: { ...HTTPS, authorization: BASIC } }),
  'an apitoken by password': async () =>
    api(app.url).post('/v1/apitokens', { ...taken, name: 'mine' }, { as: await appLogin(app.url) }),
  'a reset code': () =>
    post('/v1/auth/password-reset', { username: user.username, code: wrong('rst'), newPassword: PASSWORD }),
  'a sign-up on the web': () => post('/v1/auth/web/signup', taken, OWN_PAGE),
  'a sign-up': async () => api(app.url).post('/v1/users', taken, { as: await adminLogin(app.url) }),
};

it.each(Object.keys(REFUSED))('%s that is refused is answered in its turn', async (what) => {
  othersWereRefused();
  const start = performance.now();
  const { status } = await REFUSED[what]!();
  expect([401, 403, 409]).toContain(status);
  expect(performance.now() - start).toBeGreaterThan(WAIT_MS - EARLY_MS);
});
