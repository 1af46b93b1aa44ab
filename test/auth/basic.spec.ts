import { ModulesContainer } from '@nestjs/core';
import { PasswordProof } from '../../src/auth/password-proof.service.js';
import { parseBasic } from '../../src/auth/strategies/basic.strategy.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { RedisService } from '../../src/redis/redis.service.js';
import { routeAccess } from '../../src/service/route-access.js';
import { createTestRedis } from '../setup/test-redis.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { hold } from '../support/barrier.js';
import {
  adminLogin,
  api,
  createUser,
  expectStatus,
  login,
  newSource,
  type Reply,
  type TokenLogin,
  type User,
} from '../support/client.js';
import { FIRST_ADMIN, FIRST_APP } from '../support/first-accounts.js';

const LISTED = 'https://web.example';
const PASSWORD = 'harbour lights over granite';
const ENV = {
  BASIC_AUTH: 'true',
  SECRET_KEY: 'a key of the tests, 32 bytes or more, kept by nobody',
  WEB_ORIGINS: LISTED,
  TRUTH_LEASE_MS: '3000',
  // The admin logs in once for all tests.
  REAUTH_SECONDS: '3600',
};

let one: TestApp;
let other: TestApp;
let stopRedis: () => Promise<unknown>;
let admin: TokenLogin;

beforeAll(async () => {
  const redis = await createTestRedis();
  stopRedis = () => redis.stop();
  one = await startTestApp({ redisUrl: redis.url, env: ENV });
  other = await startTestApp({ redisUrl: redis.url, databaseUrl: one.databaseUrl, env: ENV });
  admin = await adminLogin(one.url);
});
afterAll(async () => {
  await other?.close();
  await one?.close();
  await stopRedis?.();
});

type Credentials = Pick<User, 'username' | 'password'>;

const header = ({ username, password }: Credentials) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

interface Asked {
  readonly path?: string;
  readonly app?: TestApp;
  readonly source?: string;
  readonly headers?: Record<string, string>;
}

/** A call as a proxy with TLS in front passes it on. */
function call<T = unknown>(authorization: string, asked: Asked = {}): Promise<Reply<T>> {
  const { path = '/v1/users/me', app = one, source = newSource(), headers } = asked;
  return api(app.url).get<T>(path, {
    source,
    headers: { 'x-forwarded-proto': 'https', authorization, ...headers },
  });
}

const ask = async (who: Credentials, asked?: Asked) => {
  const { status, code } = await call(header(who), asked);
  return `${status} ${code ?? ''}`.trim();
};

/** Hashes that both processes have begun. */
const hashes = () => [one, other].reduce((sum, app) => sum + app.get(PasswordHasher).calls.started, 0);
const redis = () => one.get(RedisService).masters[0]!.client;
const entries = () => redis().keys('basic:*');
const forget = async (pattern: string) => {
  for (const key of await redis().keys(pattern)) await redis().del(key);
};

describe('HTTP Basic', () => {
  it('says who calls', async () => {
    const user = await createUser(one.url);
    const { body } = await call<{ userid: string; roles: string[] }>(header(user));
    expect(body).toMatchObject({ userid: user.userid, roles: ['user'] });
    const check = await call(header(user), { path: '/v1/auth/check', app: other });
    expect([check.status, check.headers['x-auth-username'], check.headers['set-cookie']]).toEqual([
      204,
      user.username,
      undefined,
    ]);
    expect((await api(one.url).get('/v1/config')).body).toMatchObject({ basicAuth: true });
  });

  it('reaches the routes that do not say otherwise, and no other, for admins too', async () => {
    const user = await createUser(one.url);
    const wrong: string[] = [];
    for (const { method, path, isPublic, sessionOnly, fresh } of routeAccess(one.get(ModulesContainer))) {
      if (isPublic) continue;
      const concrete = path
        .replace(':userid', '3f2b8c1e-6d4a-4f0b-9c2d-7e8f9a0b1c2d')
        .replace(':id', '6f1c0f0e5a4b4c3d8e2f1a0b9c8d7e6f')
        .replace(/:\w+/g, 'no-such-name');
      for (const who of [user, FIRST_ADMIN]) {
        const headers = { 'x-forwarded-proto': 'https', authorization: header(who) };
        const { status, code } = await api(one.url).call(method, concrete, undefined, { headers });
        const area = path === '/v1/areas/:name/access';
        const should = sessionOnly || fresh || area ? '403 forbidden' : '2';
        if (!`${status} ${code}`.startsWith(should)) wrong.push(`${method} ${path}: ${status} ${code}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('enters a private area', async () => {
    const user = await createUser(one.url);
    const as = admin;
    expectStatus(await api(one.url).post('/v1/areas', { name: 'cellar', description: '' }, { as }), 201);
    const path = '/v1/areas/cellar/access';
    expect(await ask(user, { path })).toBe('403 forbidden');
    expectStatus(await api(other.url).put(`/v1/areas/cellar/usernames/${user.username}`, undefined, { as }), 204);
    expect(await ask(user, { path })).toBe('204');
  });

  it('takes a password with colons, and a username in any spelling', async () => {
    const user = await createUser(one.url, { password: 'nine: lives: of a heron' });
    expect(await ask(user)).toBe('200');
    const before = hashes();
    expect(await ask({ ...user, username: user.username.toUpperCase() })).toBe('200');
    expect(hashes()).toBe(before);
  });
});

describe('Basic is refused', () => {
  it('over plain http, the password unlooked at', async () => {
    const user = await createUser(one.url);
    const before = hashes();
    for (const proto of ['http', 'HTTP', '']) {
      expect(await ask(user, { headers: { 'x-forwarded-proto': proto } })).toBe('403 https_required');
    }
    const plain = await api(one.url).get('/v1/users/me', { headers: { authorization: 'Basic %%%' } });
    expect([plain.code, hashes()]).toEqual(['https_required', before]);
    const untrusted = await startTestApp({
      redisUrl: one.redisUrl!,
      databaseUrl: one.databaseUrl,
      env: { ...ENV, TRUST_PROXY: '192.0.2.0/24' },
    });
    // Whoever is no proxy of ours may say https as often as it likes.
    const authorization = header(user);
    const direct = await fetch(`${untrusted.url}/v1/users/me`, {
      headers: { 'x-forwarded-proto': 'https', authorization },
    });
    expect([direct.status, ((await direct.json()) as { code: string }).code]).toEqual([403, 'https_required']);
    await untrusted.close();
  });

  it('from the page of another, whatever the method: browsers add it by themselves', async () => {
    const user = await createUser(one.url);
    const origins: Record<string, string | undefined> = {
      none: undefined,
      listed: LISTED,
      foreign: 'https://evil.example',
      null: 'null',
      'upper case': 'HTTPS://WEB.EXAMPLE',
    };
    const seen: Record<string, string> = {};
    for (const site of ['absent', 'same-origin', 'none', 'same-site', 'cross-site']) {
      for (const [name, origin] of Object.entries(origins)) {
        const headers = { ...(site !== 'absent' && { 'sec-fetch-site': site }), ...(origin && { origin }) };
        seen[`${site}, ${name}`] = await ask(user, { headers });
      }
    }
    const open = Object.entries(seen).filter(([, answer]) => answer !== '403 csrf');
    expect(Object.fromEntries(open)).toEqual({
      'absent, none': '200',
      'absent, listed': '200',
      'same-origin, none': '200',
      'same-origin, listed': '200',
      'none, none': '200',
      'none, listed': '200',
      'same-site, listed': '200',
    });
  });

  it('beside X-User-Id, the cookie or a second header, before anything else', async () => {
    const user = await createUser(one.url);
    const authorization = header(user);
    const besides: Record<string, string | string[]>[] = [
      { authorization, 'x-user-id': user.userid },
      { authorization, cookie: `__Host-session=${user.userid}.x` },
      { authorization: [authorization, authorization] },
      { authorization: 'basic', 'x-user-id': user.userid },
    ];
    for (const headers of besides) {
      expect((await api(one.url).get('/v1/users/me', { headers })).code).toBe('ambiguous_credentials');
    }
  });

  it('alike, after one hash, whoever it is that may not', async () => {
    const [wrong, disabled, deleted, off] = [
      await createUser(one.url),
      await createUser(one.url),
      await createUser(one.url),
      await createUser(one.url),
    ];
    const as = admin;
    expectStatus(await api(one.url).patch(`/v1/users/${disabled.userid}`, { status: 'disabled' }, { as }), 200);
    expectStatus(await api(one.url).delete(`/v1/users/${deleted.userid}`, { as }), 204);
    await one.db.query('UPDATE users SET web_failures = 100 WHERE userid = $1', [off.userid]);
    const tries: Record<string, Credentials> = {
      unknown: { username: 'nobody-at-all', password: PASSWORD },
      'no name at all': { username: '%', password: PASSWORD },
      'no name': { username: '', password: PASSWORD },
      'wrong password': { ...wrong, password: PASSWORD },
      'no password': { ...wrong, password: '' },
      disabled,
      deleted,
      'password off': off,
      'app account': FIRST_APP,
    };
    for (const [name, who] of Object.entries(tries)) {
      const before = hashes();
      const { problem, headers } = await call(header(who));
      const { requestId: _, ...same } = problem;
      const answer = { type: 'about:blank', title: 'Invalid credentials', status: 401, code: 'invalid_credentials' };
      expect([name, same, hashes() - before]).toEqual([name, answer, 1]);
      expect(headers['www-authenticate']).toBe('Bearer realm="postern"');
    }
    expect(await ask(wrong)).toBe('200');
  });

  it('where the header is malformed, without a hash and never as a failure of ours', async () => {
    const base64 = (text: string, encoding: BufferEncoding = 'utf8') => Buffer.from(text, encoding).toString('base64');
    const malformed = [
      'Basic',
      'Basic ',
      'Basic %%%',
      'basic a',
      'Basic ====',
      `Basic ${base64('nocolon')}`,
      `Basic ${base64('ada:x').replace(/=+$/, '')}`,
      `Basic ${base64('ada:xy')} `.concat('x'),
      `Basic ${base64('ada:\xff', 'latin1')}`,
      `Basic ${base64('ada:xyz')}, Basic ${base64('ada:xyz')}`,
      `Basic "${base64('ada:xyz')}"`,
      `Basic ${'QUFB'.repeat(3000)}`,
    ];
    const before = hashes();
    for (const authorization of malformed) {
      const { status, code } = await call(authorization);
      expect([authorization.slice(0, 40), status, code]).toEqual([
        authorization.slice(0, 40),
        401,
        'invalid_credentials',
      ]);
    }
    expect(hashes()).toBe(before);
    for (const authorization of [
      'Digest username="a"',
      'Basically YTpi',
      'Bearer YTpi',
      `Basic\u00a0${base64('a:b')}`,
    ]) {
      expect((await call(authorization)).code).toBe('unauthenticated');
    }
    expect(await ask({ username: 'ada', password: 'x'.repeat(1025) })).toBe('422 invalid_request');
    expect(await ask({ username: 'a'.repeat(1025), password: 'x' })).toBe('422 invalid_request');
    expect(hashes()).toBe(before);
  });

  it('splits at the first colon alone', () => {
    const parse = (text: string) => parseBasic(`bAsIc   ${Buffer.from(text).toString('base64')}`);
    expect(parse(':')).toEqual({ username: '', password: '' });
    expect(parse('a:b:c:')).toEqual({ username: 'a', password: 'b:c:' });
    expect(parse('ä:ö\0')).toEqual({ username: 'ä', password: 'ö\0' });
    expect(parse('ab')).toBeNull();
  });

  it('where it is off, with 401 and no look at it', async () => {
    const off = await startTestApp({
      databaseUrl: one.databaseUrl,
      redisUrl: one.redisUrl!,
      env: { TRUTH_LEASE_MS: '3000' },
    });
    const user = await createUser(one.url);
    expect(await ask(user)).toBe('200');
    expect(await ask(user, { app: off })).toBe('401 unauthenticated');
    expect(await ask(user, { app: off, headers: { 'x-forwarded-proto': 'http' } })).toBe('401 unauthenticated');
    await off.close();
  });
});

describe('the cache', () => {
  it('spares all hashes but one in 60 s, however many calls there are, and counts them in no limit', async () => {
    const user = await createUser(one.url);
    const source = newSource();
    const before = hashes();
    const first = await Promise.all(Array.from({ length: 50 }, () => ask(user, { source })));
    expect(new Set(first)).toEqual(new Set(['200']));
    for (let i = 0; i < 100; i += 1) expect(await ask(user, { source, app: i % 2 ? one : other })).toBe('200');
    expect(hashes() - before).toBe(1);
    expect(await redis().get(`limit:web:${source}`)).toBe('1');
  });

  it('keeps an entry for 60 s from the proof, used or not', async () => {
    await forget('basic:*');
    const user = await createUser(one.url);
    expect(await ask(user)).toBe('200');
    const [key, ...more] = await entries();
    const left = await redis().pTTL(key!);
    expect([more, left > 55_000, left <= 60_000]).toEqual([[], true, true]);
    await redis().pExpire(key!, 20_000);
    expect(await ask(user)).toBe('200');
    expect(await redis().pTTL(key!)).toBeLessThanOrEqual(20_000);
    const before = hashes();
    await redis().del(key!);
    expect([await ask(user), hashes() - before]).toEqual(['200', 1]);
  });

  it('holds nothing that a guess could be tried on without the key', async () => {
    await forget('basic:*');
    const user = await createUser(one.url);
    await call(header(user));
    const [key] = await entries();
    expect(key).toMatch(/^basic:[\w-]{43}$/);
    const [userid, username, epoch, ...more] = JSON.parse((await redis().get(key!))!) as string[];
    expect([userid, username, more]).toEqual([user.userid, user.username, []]);
    expect(epoch).toMatch(/^\d+\.\d+$/);
  });

  it('remembers no wrong password', async () => {
    await forget('basic:*');
    const user = await createUser(one.url);
    const before = hashes();
    for (let i = 0; i < 3; i += 1) expect(await ask({ ...user, password: PASSWORD })).toBe('401 invalid_credentials');
    expect([hashes() - before, await entries()]).toEqual([3, []]);
  });

  it('never opens where an entry is not ours', async () => {
    await forget('basic:*');
    const [user, victim] = [await createUser(one.url), await createUser(one.url)];
    await call(header(user));
    const [key] = await entries();
    for (const entry of [['x'], [victim.userid, victim.username, '9.9'], [victim.userid], { a: 1 }, 'text', 7]) {
      await redis().set(key!, JSON.stringify(entry), { PX: 60_000 });
      const { status, body } = await call<{ userid: string }>(header(user));
      expect([entry, status, body.userid]).toEqual([entry, 200, user.userid]);
    }
  });
});

describe('what ends it at once, through another process', () => {
  /** 200 calls right after the change; refused is 401, 429, or 503 where a busy machine cannot look or decide. */
  async function refusals(user: User): Promise<Record<string, number>> {
    const seen: Record<string, number> = {};
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => ask(user, { app: i % 2 ? one : other, source: newSource() })),
    );
    for (const answer of answers) seen[answer] = (seen[answer] ?? 0) + 1;
    return seen;
  }

  const CHANGES: Record<string, (user: User) => Promise<Reply<unknown>>> = {
    'a password change': async (user) =>
      api(other.url).post(
        '/v1/users/me/password',
        { currentPassword: user.password, newPassword: PASSWORD },
        { as: await login(other.url, user) },
      ),
    'a reset': async (user) => {
      const code = await api(other.url).post<{ code: string }>(`/v1/users/${user.userid}/password-reset`, undefined, {
        as: admin,
      });
      return api(other.url).post('/v1/auth/password-reset', {
        username: user.username,
        code: code.body.code,
        newPassword: PASSWORD,
      });
    },
    'a disable': (user) => api(other.url).patch(`/v1/users/${user.userid}`, { status: 'disabled' }, { as: admin }),
    'a delete': (user) => api(other.url).delete(`/v1/users/${user.userid}`, { as: admin }),
    'role app': (user) => api(other.url).put(`/v1/users/${user.userid}/roles/app`, undefined, { as: admin }),
  };

  it.each(Object.keys(CHANGES))('%s: 200 of 200 calls are refused', async (name) => {
    const user = await createUser(one.url);
    expect([await ask(user), await ask(user, { app: other })]).toEqual(['200', '200']);
    const changed = await CHANGES[name]!(user);
    expect(changed.status).toBeLessThan(300);
    const seen = await refusals(user);
    process.stdout.write(`Basic after ${name}: ${JSON.stringify(seen)}\n`);
    const refused = Object.entries(seen).filter(([answer]) =>
      /^(?:401 invalid_credentials|429 rate_limited|503 (?:overloaded|unavailable))$/.test(answer),
    );
    expect(refused.reduce((sum, [, count]) => sum + count, 0)).toBe(200);
  });

  it('the new password opens, and so does the old one where the epoch alone has changed', async () => {
    const user = await createUser(one.url);
    expect(await ask(user)).toBe('200');
    expectStatus(await CHANGES['a password change']!(user), 200);
    expect(await ask({ ...user, password: PASSWORD })).toBe('200');
    expect(await ask(user)).toBe('401 invalid_credentials');
    const before = hashes();
    expectStatus(await api(other.url).delete(`/v1/users/${user.userid}/sessions`, { as: admin }), 204);
    expect(await ask({ ...user, password: PASSWORD })).toBe('200');
    expect(hashes() - before).toBe(1);
  });

  it('a role is there, and gone, for the very next call', async () => {
    const user = await createUser(one.url);
    const as = admin;
    expectStatus(await api(one.url).post('/v1/roles', { name: 'gardener', description: '' }, { as }), 201);
    const path = '/v1/auth/check?role=gardener';
    for (let i = 0; i < 20; i += 1) {
      expect(await ask(user, { path })).toBe('403 forbidden');
      expectStatus(await api(other.url).put(`/v1/users/${user.userid}/roles/gardener`, undefined, { as }), 204);
      expect(await ask(user, { path })).toBe('204');
      expectStatus(await api(other.url).delete(`/v1/users/${user.userid}/roles/gardener`, { as }), 204);
    }
  });

  it('a proof under way does not outlive a change that was answered before it', async () => {
    const user = await createUser(one.url);
    const barrier = hold(one.get(PasswordProof), 'prove', 'after');
    const late = ask(user);
    await barrier.reached;
    expectStatus(await CHANGES['a password change']!(user), 200);
    barrier.release();
    expect(await late).toBe('401 invalid_credentials');
    expect(await ask(user)).toBe('401 invalid_credentials');
  });
});
