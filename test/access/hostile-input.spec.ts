import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatToken, makeToken, parseToken } from '../../src/common/secret-token.js';
import { RedisService } from '../../src/redis/redis.service.js';
import { answerOf, expectProblem } from '../http/expect-problem.js';
import { request, sendRaw, type Answer } from '../http/raw.js';
import { startTestApp, type TestApp } from '../support/app.js';
import * as http from '../support/client.js';
import { FIRST_APP } from '../support/first-accounts.js';

const PASSWORD = 'harbours glow at midnight';
const NUL = 'a\0b';
const BROKEN = [NUL, '\ud800', 'x\udc00y'];
/** Shorter than a password may be, so that none of them is a new one. */
const PRINTABLE = [`' OR '1'='1`, `';DROP TABLE a`, `"; SELECT 1`, '*', '}', '{*}', 'a\r\nX-Id: b', '%', '$1'];

/** A lease that a busy machine keeps, and a proof of the password that is young to the end: nothing here is about them. */
const PATIENT = { TRUTH_LEASE_MS: '3000', REAUTH_SECONDS: '3600' };

/** Hundreds of requests, one after the other. */
const SLOW = 300_000;

let app: TestApp;
let admin: http.TokenLogin;
let shippedApp: http.TokenLogin;
let user: http.User;
let session: http.TokenLogin;
let code: string;

beforeAll(async () => {
  app = await startTestApp({ env: PATIENT });
  admin = await http.adminLogin(app.url);
  shippedApp = await http.appLogin(app.url);
});
afterAll(() => app.close());
beforeEach(async () => {
  user = await http.createUser(app.url, { password: PASSWORD });
  session = await http.login(app.url, user);
  code = await resetCode();
});

/** From a source of its own, so that no limit answers in place of what is asked. */
function call(route: string, body?: unknown, as?: http.Login, headers?: Record<string, string>) {
  const [method, path] = route.split(' ') as [string, string];
  return http
    .api(app.url)
    .call<{ errors?: unknown }>(method, path, body, { as, headers: { ...http.OWN_PAGE, ...headers } });
}

async function resetCode(): Promise<string> {
  const path = `/v1/users/${user.userid}/password-reset`;
  return http.expectStatus(await http.api(app.url).post<{ code: string }>(path, undefined, { as: admin }), 201).code;
}

/** Every row of every table, but for what is written of refusals: the audit and the counts of wrong tries. */
async function dump(of = app): Promise<Record<string, string[]>> {
  const tables: { name: string }[] = await of.db.query(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('audit', 'limits')`,
  );
  expect(tables.length).toBeGreaterThan(10);
  const rows: Record<string, string[]> = {};
  for (const { name } of tables) {
    const found: { row: string }[] = await of.db.query(
      `SELECT (to_jsonb(t) - 'web_failures')::text AS row FROM ${name} t ORDER BY 1`,
    );
    rows[name] = found.map(({ row }) => row);
  }
  return rows;
}

async function expectUnchanged(work: () => Promise<void>): Promise<void> {
  const before = await dump();
  await work();
  expect(await dump()).toEqual(before);
}

const credentials = ({ userid, accesstoken }: http.TokenLogin) => ({
  'X-User-Id': userid,
  Authorization: `Bearer ${accesstoken}`,
});
const lines = (as: http.TokenLogin) => Object.entries(credentials(as)).map(([name, value]) => `${name}: ${value}`);

interface Write {
  readonly route: string;
  readonly as?: http.TokenLogin;
  readonly body: Readonly<Record<string, string>>;
}

/** Every route that takes a body, with one that it would take. */
function writes(): Write[] {
  const { username, password, apitoken, userid } = user;
  const newPassword = 'pebbles hum under bridges';
  const name = 'made-by-hand';
  return [
    { route: 'POST /v1/auth/login', body: { username, password, apitoken, deviceName: 'phone' } },
    { route: 'POST /v1/auth/web/login', body: { username, password, deviceName: 'tablet' } },
    { route: 'POST /v1/auth/web/signup', body: { username: 'newcomer', password } },
    { route: 'POST /v1/auth/password-reset', body: { username, code, newPassword } },
    { route: 'POST /v1/auth/reauthenticate', as: session, body: { password } },
    { route: 'POST /v1/users/me/password', as: session, body: { currentPassword: password, newPassword } },
    { route: 'POST /v1/users', as: shippedApp, body: { username: 'newcomer', password } },
    { route: 'POST /v1/apitokens', as: shippedApp, body: { username, password, name } },
    { route: 'POST /v1/users/me/apitokens', as: session, body: { name, expiresAt: inOneYear() } },
    { route: `POST /v1/users/${userid}/apitokens`, as: admin, body: { name, expiresAt: inOneYear() } },
    { route: `PATCH /v1/users/${userid}`, as: admin, body: { status: 'disabled' } },
    { route: 'POST /v1/roles', as: admin, body: { name, description: '' } },
    { route: 'POST /v1/areas', as: admin, body: { name, description: '' } },
  ];
}

function inOneYear(): string {
  return new Date(Date.now() + 365 * 86_400_000).toISOString();
}

/** Writing routes of the committed description, by whether they take a body. */
function writingRoutes(takesBody: boolean): string[] {
  const text = readFileSync(join(import.meta.dirname, '../../openapi.json'), 'utf8');
  const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, { requestBody?: unknown }>> };
  return Object.entries(paths)
    .flatMap(([path, methods]) => Object.entries(methods).map(([method, of]) => ({ path, method, of })))
    .filter(({ method, of }) => method !== 'get' && (of.requestBody !== undefined) === takesBody)
    .map(({ path, method }) => `${method.toUpperCase()} ${path}`);
}

describe('fields that nobody may set', () => {
  const FIELDS = 'role roles isAdmin id userid epoch status password_hash created_at constructor __proto__'.split(' ');
  const withField = (body: object, field: string): string =>
    JSON.stringify(body).replace(/\}$/, `,${JSON.stringify(field)}:{"role":"admin","roles":["admin"]}}`);

  /** Not by the client, which takes the name of a column in an answer for a leak; here it is the name that was sent. */
  async function send(route: string, body: string, as?: http.TokenLogin): Promise<Answer> {
    const [method, path] = route.split(' ') as [string, string];
    const headers = { 'content-type': 'application/json', ...http.OWN_PAGE, ...(as && credentials(as)) };
    return answerOf(await fetch(`${app.url}${path}`, { method, headers, body }));
  }

  it('are refused by name wherever a body is taken', async () => {
    const cases = writes();
    const taken = cases.map(({ route }) => route.replace(user.userid, '{userid}'));
    expect(taken.toSorted()).toEqual(writingRoutes(true).toSorted());
    await expectUnchanged(async () => {
      for (const { route, as, body } of cases) {
        for (const field of FIELDS.filter((one) => !Object.hasOwn(body, one))) {
          const { errors } = expectProblem(await send(route, withField(body, field), as), 422, 'invalid_request');
          expect([route, errors]).toEqual([route, [{ field, message: 'is unknown' }]]);
        }
      }
    });
    expect(({} as { role?: string }).role).toBeUndefined();
  });

  it('are refused in a query, and with any body where none is taken', async () => {
    const [one] = http.expectStatus(
      await http.api(app.url).get<{ items: { id: string }[] }>('/v1/users/me/apitokens', { as: session }),
      200,
    ).items;
    await expectUnchanged(async () => {
      for (const route of writingRoutes(false)) {
        const as = /\{userid\}|roles|areas|all-/.test(route) ? admin : session;
        const path = route.replace('{userid}', user.userid).replace('{id}', one!.id);
        const real = path.replace(/\{name\}|\{role\}/g, 'admin').replace('{username}', user.username);
        const reply = await call(real, { roles: ['admin'] }, as);
        expect([real, reply.status, reply.body.errors]).toEqual([
          real,
          422,
          [{ field: 'body', message: 'this route takes no body' }],
        ]);
      }
      for (const key of [
        ...FIELDS.slice(1, 6),
        'constructor',
        '__proto__',
        'roles[]',
        '__proto__[role]',
        'limit[gt]',
      ]) {
        const reply = await call(`GET /v1/users?${encodeURIComponent(key)}=admin`, undefined, admin);
        expect([key, reply.status, reply.body.errors]).toEqual([key, 422, [{ field: key, message: 'is unknown' }]]);
      }
    });
  });
});

/** What a string that can be right nowhere is in each field: a wrong proof, or no value. */
const WRONG_PROOFS: Readonly<Record<string, string>> = {
  'POST /v1/auth/login username': '401 invalid_credentials',
  'POST /v1/auth/login password': '401 invalid_credentials',
  'POST /v1/auth/login apitoken': '401 invalid_credentials',
  'POST /v1/auth/web/login username': '401 invalid_credentials',
  'POST /v1/auth/web/login password': '401 invalid_credentials',
  'POST /v1/auth/password-reset username': '401 invalid_credentials',
  'POST /v1/auth/password-reset code': '401 invalid_credentials',
  'POST /v1/apitokens username': '401 invalid_credentials',
  'POST /v1/apitokens password': '401 invalid_credentials',
  'POST /v1/auth/reauthenticate password': '403 wrong_password',
  'POST /v1/users/me/password currentPassword': '403 wrong_password',
};
const isFreeText = (route: string, field: string) =>
  field === 'description' || field === 'deviceName' || (field === 'name' && route.endsWith('apitokens'));

describe('strings that are no text, or that another language would read', () => {
  it.each([...BROKEN, ...PRINTABLE].map((text) => [JSON.stringify(text), text] as const))(
    '%s is wrong or invalid in every field',
    async (_name, text) => {
      const isText = text.isWellFormed() && !/\p{Cc}/u.test(text);
      await expectUnchanged(async () => {
        for (const { route, as, body } of writes()) {
          for (const field of Object.keys(body).filter((key) => !isText || !isFreeText(route, key))) {
            const { status, code: found } = await call(route, { ...body, [field]: text }, as);
            const should = WRONG_PROOFS[`${route} ${field}`] ?? '422 invalid_request';
            expect(`${route} ${field}: ${status} ${found}`).toBe(`${route} ${field}: ${should}`);
          }
        }
      });
    },
  );

  it('are kept as they are in free text', async () => {
    const text = `'; DROP TABLE users; -- "$1" {*} %s \\ <script>`;
    const role = await call('POST /v1/roles', { name: 'quoted', description: text }, admin);
    expect([role.status, role.body]).toEqual([201, { name: 'quoted', description: text, builtIn: false }]);
    const token = await call('POST /v1/users/me/apitokens', { name: text }, session);
    expect([token.status, token.body]).toMatchObject([201, { name: text }]);
    const { username, password, apitoken } = user;
    await call('POST /v1/auth/login', { username, password, apitoken, deviceName: text }, undefined, {
      'user-agent': text,
    });
    const list = await call('GET /v1/sessions?limit=1', undefined, session);
    expect(list.body).toMatchObject({ items: [{ deviceName: text, userAgent: text }] });
  });

  it('find nothing as filters and cursors', async () => {
    await expectUnchanged(async () => {
      for (const text of PRINTABLE.filter((one) => !one.includes('\r')).concat('_', '\\', '%25')) {
        const value = encodeURIComponent(text);
        const reply = await call(`GET /v1/users?search=${value}`, undefined, admin);
        expect([text, reply.status, reply.body]).toEqual([text, 200, { items: [], nextCursor: null }]);
        for (const query of [
          'users?role',
          'users?status',
          'users?cursor',
          'users?limit',
          'roles?cursor',
          'audit?userid',
        ])
          expect([query, (await call(`GET /v1/${query}=${value}`, undefined, admin)).status]).toEqual([query, 422]);
      }
    });
  });
});

/** Sends the bytes as they are; `port` of the application. */
function raw(bytes: string): Promise<Answer[]> {
  return sendRaw(Number(new URL(app.url).port), bytes);
}

describe('headers', () => {
  const NAMES = ['X-User-Id', 'Authorization', 'Cookie', 'X-Request-Id', 'User-Agent', 'X-Forwarded-For', 'Origin'];
  const GET = 'GET /v1/users/me';

  it.each(NAMES)('%s with NUL, a bare CR or an unpaired surrogate opens nothing', async (name) => {
    const good = lines(session).filter((line) => !line.startsWith(name));
    await expectUnchanged(async () => {
      for (const text of ['a\0b', 'a\rX-User-Id: b']) {
        expectProblem((await raw(request(GET, [...good, `${name}: ${text}`])))[0]!, 400, 'malformed');
      }
      const value = name === 'Cookie' ? '__Host-session=\xed\xa0\x80' : '\xed\xa0\x80';
      const [answer] = await raw(request(GET, [...good, `${name}: ${value}`]));
      if (name === 'Cookie') expectProblem(answer!, 400, 'ambiguous_credentials');
      else if (good.length < 2) expectProblem(answer!, 401, 'unauthenticated');
      else expect(answer!.status).toBe(200);
      expect(answer!.headers['x-request-id']).toMatch(/^[A-Za-z0-9-]{8,64}$/);
    });
  });

  it('that say too much: Host, Expect, CONNECT, URL', async () => {
    await expectUnchanged(async () => {
      const good = lines(session);
      const logout = 'POST /v1/auth/logout';
      const close = 'Connection: close';
      const cases: [string, number, string][] = [
        [[`${logout} HTTP/1.1`, close, ...good, '', ''].join('\r\n'), 400, 'malformed'],
        [request(logout, ['Host: other', ...good]), 400, 'malformed'],
        [request('CONNECT localhost:80', good), 405, 'method_not_allowed'],
        [request('TRACE /v1/users/me', good), 405, 'method_not_allowed'],
        [request(logout, ['Expect: foo', ...good]), 417, 'expectation_failed'],
        [request('POST /%zz', good), 400, 'malformed'],
        [request('POST /v1/auth/logout/%ff', good), 400, 'malformed'],
        [request('POST /v1/auth/logout%00', good), 404, 'not_found'],
        [request('GET /../../etc/passwd', good), 404, 'not_found'],
      ];
      for (const [bytes, status, found] of cases) expectProblem((await raw(bytes))[0]!, status, found);
    });
  });
});

describe('bodies', () => {
  const post = (type: string, body: string) =>
    raw(
      request(
        'POST /v1/users',
        [
          ...lines(shippedApp),
          ...(type === '' ? [] : [`Content-Type: ${type}`]),
          `Content-Length: ${Buffer.byteLength(body, 'latin1')}`,
        ],
        body,
      ),
    );

  it('too large, too deep, of another type or shape make nobody', async () => {
    const json = JSON.stringify({ username: 'by-other-means', password: PASSWORD });
    const form = `username=by-other-means&password=${PASSWORD.replaceAll(' ', '+')}`;
    const deep = '['.repeat(5000) + ']'.repeat(5000);
    await expectUnchanged(async () => {
      const cases: [string, string, number, string][] = [
        ['application/json', json.padEnd(16 * 1024 + 1), 413, 'payload_too_large'],
        ['text/plain', json, 415, 'unsupported_media_type'],
        ['', json, 415, 'unsupported_media_type'],
        ['application/x-www-form-urlencoded', form, 415, 'unsupported_media_type'],
        ['application/json; charset=utf-16', json, 415, 'unsupported_media_type'],
        ['application/json', deep, 422, 'invalid_request'],
        ['application/json', `{"username":${deep},"password":"x"}`, 422, 'invalid_request'],
        ['application/json', '{"a":'.repeat(2500) + '1' + '}'.repeat(2500), 422, 'invalid_request'],
        ['application/json', `${json.slice(0, -1)},"username":"another-one"}`, 422, 'invalid_request'],
        ['application/json', `[${json}]`, 422, 'invalid_request'],
        ['application/json', json.slice(0, -1), 400, 'malformed'],
        ['application/json', json.replace('by', 'b\xff'), 400, 'malformed'],
      ];
      for (const [type, body, status, found] of cases) expectProblem((await post(type, body))[0]!, status, found);
    });
    expect((await post('application/json', json.padEnd(16 * 1024)))[0]!.status).toBe(201);
  });
});

describe('userids, tokens and ids with letters that a store would read', () => {
  const around = (text: string) => [
    '*'.repeat(9),
    '}'.repeat(9),
    '{'.repeat(9),
    `${text}*`,
    `${text}}`,
    `{${text}}`,
    `${text}:`,
    `${text.slice(0, -1)}?`,
    `${text}\t`,
  ];

  it.each(['postgres', 'redis'] as const)(
    'open nothing and name nothing, with sessions in %s',
    async (store) => {
      const own = store === 'redis' ? await startTestApp({ store, env: PATIENT }) : app;
      try {
        const as = await http.adminLogin(own.url);
        const { userid, accesstoken } = as;
        const client = http.api(own.url);
        const state = async () => [await dump(own), store === 'redis' ? await sessionKeys(own) : []];
        const before = await state();
        for (const id of around(userid)) {
          const reply = await client.get('/v1/users/me', { as: { userid: id, accesstoken } });
          expect([id, reply.status]).toEqual([id, id.trim() === userid ? 200 : 401]);
        }
        for (const token of around(accesstoken)) {
          const reply = await client.get('/v1/users/me', { as: { userid, accesstoken: token } });
          expect([token, reply.status]).toEqual([token, token.trim() === accesstoken ? 200 : 401]);
        }
        const id = parseToken('act', accesstoken)!.id;
        for (const text of [...around(userid), ...around(id), `${userid}\r\nSet-Cookie: a=b`, `${id}\r\n`, NUL]) {
          const part = encodeURIComponent(text);
          for (const path of [
            'users/ID',
            'sessions/ID',
            'users/me/apitokens/ID',
            'roles/ID',
            'areas/ID',
            'users/ID/sessions',
          ])
            expect([text, path, (await client.delete(`/v1/${path.replace('ID', part)}`, { as })).code]).toEqual([
              text,
              path,
              'not_found',
            ]);
          expect((await client.put(`/v1/areas/${part}/usernames/${part}`, undefined, { as })).code).toBe('not_found');
          expect((await client.get(`/v1/areas/${part}/access`, { as })).code).toBe('forbidden');
          expect((await client.get(`/v1/auth/check?area=${part}`, { as })).code).toBe('forbidden');
        }
        expect(await state()).toEqual(before);
      } finally {
        if (own !== app) await own.close();
      }
    },
    SLOW,
  );

  async function sessionKeys(own: TestApp): Promise<string[]> {
    const keys = await own.get(RedisService).at('').client.keys('session*');
    expect(keys.length).toBeGreaterThan(1);
    return keys.toSorted();
  }
});

describe('a real secret in a URL', () => {
  const inUrl = async (target: string, headers?: Record<string, string>) => {
    for (const method of ['GET', 'POST']) {
      expect((await call(`${method} ${target}`, undefined, undefined, headers)).code).toBe('credentials_in_url');
    }
  };
  const audited = (action: string): Promise<{ target: string; detail: object }[]> =>
    app.db.query('SELECT target, detail FROM audit WHERE action = $1 AND target = ANY($2)', [
      action,
      [user.userid, shippedApp.userid],
    ]);
  const me = async (as: http.Login) => (await call('GET /v1/users/me', undefined, as)).status;

  it('is revoked where it is a user’s apitoken, with the sessions that it opened', async () => {
    const other = await http.createUser(app.url);
    expect(await me(session)).toBe(200);
    await inUrl(`/v1/users?search=${user.apitoken}`);
    expect(await me(session)).toBe(401);
    const { username, password, apitoken } = user;
    expect((await call('POST /v1/auth/login', { username, password, apitoken })).code).toBe('invalid_credentials');
    const id = parseToken('apt', apitoken)!.id;
    expect(await audited('apitoken.leaked')).toEqual([
      { target: user.userid, detail: { apitoken: id, revoked: true } },
    ]);
    await http.login(app.url, other);
  });

  it('is found behind others that are not real', async () => {
    const made = await http.createUser(app.url);
    const others = Array.from({ length: 6 }, () => formatToken('apt', makeToken())).join('&');
    const target = `/v1/users?${others}&${made.apitoken}`;
    expect((await http.api(app.url, http.newSource()).get(target)).code).toBe('credentials_in_url');
    const { username, password, apitoken } = made;
    expect((await call('POST /v1/auth/login', { username, password, apitoken })).code).toBe('invalid_credentials');
  });

  it('is audited and goes on where it is an app account’s', async () => {
    const before = (await dump()).apitokens;
    await inUrl(`/nowhere/${FIRST_APP.apitoken}`);
    expect((await dump()).apitokens).toEqual(before);
    expect(await me(shippedApp)).toBe(200);
    expect(await me(await http.appLogin(app.url))).toBe(200);
    const id = parseToken('apt', FIRST_APP.apitoken)!.id;
    const row = { target: shippedApp.userid, detail: { apitoken: id, revoked: false } };
    expect(await audited('apitoken.leaked')).toEqual([row, row]);
  });

  it('ends its session where the userid stands beside it', async () => {
    const { userid, accesstoken } = session;
    await inUrl(`/v1/users/me?t=${accesstoken}`);
    expect(await me(session)).toBe(200);
    await inUrl(`/v1/users/me?t=${accesstoken}`, { 'x-user-id': admin.userid });
    expect(await me(session)).toBe(200);
    await inUrl(`/v1/users/me?t=${accesstoken}`, { 'x-user-id': userid });
    expect(await me(session)).toBe(401);
    const second = await http.login(app.url, user);
    await inUrl(`/v1/users/${userid}/${encodeURIComponent(second.accesstoken).replaceAll('_', '%5f')}`);
    expect(await me(second)).toBe(401);
    const third = await http.login(app.url, user);
    await inUrl(`/?${third.accesstoken}`, { cookie: `a=b; __Host-session=${userid}.x` });
    expect(await me(third)).toBe(401);
    expect(await audited('session.leaked')).toHaveLength(3);
  });

  it('is looked up ten times a minute and source, each userid beside it a time, and no more', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn');
    const leaked = await http.login(app.url, user);
    const [one, another] = [http.newSource(), http.newSource()];
    const show = async (source: string, ...userids: string[]) => {
      const target = `/v1/users/${userids.join('/')}?t=${leaked.accesstoken}`;
      expect((await http.api(app.url, source).get(target)).code).toBe('credentials_in_url');
    };
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
    await show(one, a, b, c, randomUUID());
    await show(one, a, b, c, randomUUID());
    // A heartbeat that came late on a busy machine is warned of as well.
    const warned = () => warn.mock.calls.filter((words) => words.some((word) => String(word).includes('leaked')));
    expect(warned()).toEqual([]);
    await show(one, a, b, leaked.userid);
    expect(warned()).toEqual([['a leaked credential was not looked up: rate_limited']]);
    warn.mockRestore();
    expect(await me(leaked)).toBe(200);
    await show(another, a, b, leaked.userid);
    expect(await me(leaked)).toBe(401);
  });

  it('is voided where it is a reset code', async () => {
    const kept = { ...(await dump()), reset_codes: [] };
    await inUrl(`/v1/auth/password-reset?${code}`);
    expect(await app.db.query('SELECT 1 FROM reset_codes WHERE userid = $1', [user.userid])).toEqual([]);
    const body = { username: user.username, code, newPassword: 'pebbles hum under bridges' };
    expect((await call('POST /v1/auth/password-reset', body)).code).toBe('invalid_credentials');
    expect({ ...(await dump()), reset_codes: [] }).toEqual(kept);
    expect(await audited('reset_code.leaked')).toHaveLength(1);
  });

  it('changes nothing where the secret is wrong, or is a password', async () => {
    const forged = (prefix: 'apt' | 'act' | 'rst', real: string) =>
      formatToken(prefix, { id: parseToken(prefix, real)!.id, secret: makeToken().secret });
    const headers = { 'x-user-id': user.userid };
    await expectUnchanged(async () => {
      await inUrl(`/v1/users?search=${forged('apt', user.apitoken)}`);
      await inUrl(`/v1/users?search=${forged('act', session.accesstoken)}`, headers);
      await inUrl(`/v1/users?search=${forged('rst', code)}`);
      await inUrl(`/v1/users?PassWord=${encodeURIComponent(user.password)}`);
    });
  });
});

describe('usernames that look like one that there is', () => {
  const NAME = 'kim.fiske';

  it('are that one, or none', async () => {
    const first = await http.createUser(app.url, { username: NAME, password: PASSWORD });
    const folded = [
      '\u212aim.fiske',
      'ｋｉｍ．ｆｉｓｋｅ',
      'kim.fi\u017fke',
      'kim.\ufb01ske',
      'KIM.FISKE',
      '\u{1d424}im.fiske',
    ];
    const refused = [
      ...['\u043aim.fiske', 'k\u0456m.fiske', 'k\u0131m.fiske', 'K\u0130M.FISKE', 'kim.fi\u0455ke', 'k\u03b9m.fiske'],
      ...['kim\u200d.fiske', 'kim.\u00adfiske', 'kim.fiske\u0301', '\u202ekim.fiske', 'kim.fiske ', ' kim.fiske'],
      ...[
        'kim\u2024\u0327fiske',
        'kim\u3002fiske',
        'kim.fiske\u00a0',
        '\ufeffkim.fiske',
        'kim.fiske\n',
        'kim\u2010fiske',
      ],
    ];
    await expectUnchanged(async () => {
      for (const as of [shippedApp, admin]) {
        for (const username of folded) {
          const reply = await call('POST /v1/users', { username, password: PASSWORD }, as);
          expect([username, reply.code]).toEqual([username, 'username_taken']);
        }
        for (const username of refused) {
          const reply = await call('POST /v1/users', { username, password: PASSWORD }, as);
          expect([username, reply.code]).toEqual([username, 'invalid_request']);
        }
      }
      for (const username of refused) {
        const reply = await call('POST /v1/auth/login', { ...first, userid: undefined, username });
        expect([username, reply.code]).toEqual([username, 'invalid_credentials']);
      }
    });
    for (const username of folded) {
      expect((await http.login(app.url, { ...first, username })).userid).toBe(first.userid);
    }
  });
});
