import { ModulesContainer } from '@nestjs/core';
import { parseToken } from '../../src/common/secret-token.js';
import { routeAccess } from '../../src/service/route-access.js';
import { SessionsService } from '../../src/sessions/sessions.service.js';
import { startTestApp, type TestApp } from '../support/app.js';
import {
  adminLogin,
  api,
  createUser,
  expectStatus,
  OWN_PAGE,
  type Api,
  type Login,
  type TokenLogin,
  type User,
} from '../support/client.js';
import { FIRST_ADMIN, FIRST_APP, type Account } from '../support/first-accounts.js';

/** Who calls. The stale ones proved their password a day ago; those of the web come with the cookie, from our own page. */
const TOKEN_CALLERS = ['user', 'stale user', 'app', 'admin', 'stale admin'] as const;
const WEB_CALLERS = ['web user', 'stale web user', 'web admin', 'stale web admin'] as const;
const CALLERS = ['nobody', ...TOKEN_CALLERS, ...WEB_CALLERS] as const;
type Caller = (typeof CALLERS)[number];

const NO = '403 forbidden';
const PROVE = '403 reauthentication_required';

const FOREIGN = '403 csrf';

/**
 * Contract, Access: who is refused, and how; whoever is not named here is let in. A caller of the web is
 * answered as one of token mode.
 */
const REFUSALS = {
  public: {},
  'public, own pages': {
    nobody: FOREIGN,
    user: FOREIGN,
    'stale user': FOREIGN,
    app: FOREIGN,
    admin: FOREIGN,
    'stale admin': FOREIGN,
  },
  user: { app: NO },
  'user, fresh': { app: NO, 'stale user': PROVE, 'stale admin': PROVE },
  'app+': {},
  app: { user: NO, 'stale user': NO, admin: NO, 'stale admin': NO },
  'app, admin': { user: NO, 'stale user': NO },
  admin: { user: NO, 'stale user': NO, app: NO },
  'admin, fresh': { user: NO, 'stale user': NO, app: NO, 'stale admin': PROVE },
} satisfies Record<string, Partial<Record<'nobody' | (typeof TOKEN_CALLERS)[number], string>>>;
type Access = keyof typeof REFUSALS;

/** `U`, `T` and `N` stand for a userid, the id of a token and a name that nobody and nothing has. */
const STAND_INS: Readonly<Record<string, string>> = {
  U: '3f2b8c1e-6d4a-4f0b-9c2d-7e8f9a0b1c2d',
  T: '6f1c0f0e5a4b4c3d8e2f1a0b9c8d7e6f',
  N: 'no-such-name',
};
const NOTHING = '404 not_found';
const NO_BODY = '422 invalid_request';

/**
 * The routes of the contract: access, and what whoever is let in is answered where the thing does not exist and no
 * body is sent. `AREA` exists, and everybody with role `user` may enter it.
 */
const ROUTES: readonly (readonly [
  route: string,
  access: Access,
  answer: string,
  but?: Partial<Record<Caller, string>>,
])[] = [
  ['GET /livez', 'public', '200'],
  ['GET /readyz', 'public', '200'],
  ['GET /v1/config', 'public', '200'],
  ['POST /v1/auth/login', 'public', NO_BODY],
  ['POST /v1/auth/web/login', 'public, own pages', NO_BODY],
  ['POST /v1/auth/web/signup', 'public, own pages', NO_BODY],
  ['POST /v1/auth/password-reset', 'public', NO_BODY],
  ['POST /v1/auth/logout', 'app+', '204'],
  ['POST /v1/auth/reauthenticate', 'user', NO_BODY],
  ['GET /v1/auth/check', 'user', '204'],
  ['POST /v1/users', 'app, admin', NO_BODY],
  ['GET /v1/users/me', 'app+', '200'],
  ['POST /v1/users/me/password', 'user', NO_BODY],
  ['DELETE /v1/users/me', 'user, fresh', '204', { admin: '409 last_admin' }],
  ['GET /v1/users', 'admin', '200'],
  ['GET /v1/users/U', 'admin', NOTHING],
  ['DELETE /v1/users/U', 'admin, fresh', NOTHING],
  ['PATCH /v1/users/U', 'admin, fresh', NO_BODY],
  ['POST /v1/users/U/password-reset', 'admin, fresh', NOTHING],
  ['GET /v1/users/U/signups', 'admin', NOTHING],
  ['POST /v1/apitokens', 'app', NO_BODY],
  ['GET /v1/users/me/apitokens', 'user', '200'],
  ['POST /v1/users/me/apitokens', 'user, fresh', NO_BODY],
  ['DELETE /v1/users/me/apitokens/T', 'user', NOTHING],
  ['GET /v1/users/U/apitokens', 'admin', NOTHING],
  ['POST /v1/users/U/apitokens', 'admin, fresh', NO_BODY],
  ['DELETE /v1/users/U/apitokens/T', 'admin, fresh', NOTHING],
  ['GET /v1/sessions', 'user', '200'],
  ['DELETE /v1/sessions/T', 'user', NOTHING],
  ['DELETE /v1/sessions', 'user', '204'],
  ['GET /v1/users/U/sessions', 'admin', NOTHING],
  ['DELETE /v1/users/U/sessions', 'admin, fresh', NOTHING],
  ['DELETE /v1/users/U/sessions/T', 'admin, fresh', NOTHING],
  ['GET /v1/roles', 'admin', '200'],
  ['POST /v1/roles', 'admin, fresh', NO_BODY],
  ['DELETE /v1/roles/N', 'admin, fresh', NOTHING],
  ['PUT /v1/users/U/roles/N', 'admin, fresh', NOTHING],
  ['DELETE /v1/users/U/roles/N', 'admin, fresh', NOTHING],
  ['GET /v1/areas', 'admin', '200'],
  ['POST /v1/areas', 'admin, fresh', NO_BODY],
  ['GET /v1/areas/N', 'admin', NOTHING],
  ['DELETE /v1/areas/N', 'admin, fresh', NOTHING],
  ['GET /v1/areas/N/usernames', 'admin', NOTHING],
  ['PUT /v1/areas/N/usernames/N', 'admin, fresh', NOTHING],
  ['DELETE /v1/areas/N/usernames/N', 'admin, fresh', NOTHING],
  ['PUT /v1/areas/N/roles/N', 'admin, fresh', NOTHING],
  ['DELETE /v1/areas/N/roles/N', 'admin, fresh', NOTHING],
  ['GET /v1/users/U/areas', 'admin', NOTHING],
  ['GET /v1/areas/AREA/access', 'user', '204'],
  ['GET /v1/audit', 'admin', '200'],
  ['DELETE /v1/all-sessions', 'admin, fresh', '204'],
];

/** Contract: an app account's session reaches these and no other. */
const APP_REACHES = ['GET /v1/users/me', 'POST /v1/apitokens', 'POST /v1/auth/logout', 'POST /v1/users'];

const AREA = 'lounge';
const DAY_MS = 86_400_000;

/** A lease that a busy machine keeps: nothing here is about its loss. */
const PATIENT = { TRUTH_LEASE_MS: '3000' };

let app: TestApp;
let client: Api;
let user: User;

beforeAll(async () => {
  app = await startTestApp({ env: PATIENT });
  client = api(app.url);
  user = await createUser(app.url);
  const as = await adminLogin(app.url);
  expectStatus(await client.post('/v1/areas', { name: AREA, description: '' }, { as }), 201);
  expectStatus(await client.put(`/v1/areas/${AREA}/roles/user`, undefined, { as }), 204);
});
afterAll(() => app.close());

/** A session of its own for every call, so that none depends on what another call has ended. */
async function sessionOf(caller: Caller): Promise<Login | undefined> {
  if (caller === 'nobody') return undefined;
  const stale = caller.startsWith('stale');
  if (caller === 'app') return open(FIRST_APP, stale, 'token');
  const account = caller.endsWith('admin') ? FIRST_ADMIN : await liveUser();
  if (!caller.includes('web')) return open(account, stale, 'token');
  const { userid, accesstoken } = await open(account, stale, 'web');
  return { cookie: `__Host-session=${userid}.${accesstoken}` };
}

/** The one user of this file, or another where a call has deleted it. */
async function liveUser(): Promise<User> {
  const live: unknown[] = await app.db.query(`SELECT 1 FROM users WHERE userid = $1 AND status = 'active'`, [
    user.userid,
  ]);
  if (live.length === 0) user = await createUser(app.url);
  return user;
}

async function open({ username, apitoken }: Account, stale: boolean, mode: 'token' | 'web'): Promise<TokenLogin> {
  const rows: { userid: string; epoch: string }[] = await app.db.query(
    `SELECT userid, world || '.' || epoch AS epoch FROM users, generation WHERE username = $1`,
    [username],
  );
  const { userid, epoch } = rows[0]!;
  const { accesstoken } = await app.get(SessionsService).open(
    {
      ...{ userid, epoch, mode, deviceName: null, notAfter: null },
      apitokenId: mode === 'token' ? parseToken('apt', apitoken)!.id : null,
      isApp: username === FIRST_APP.username,
      authTime: stale ? Date.now() - DAY_MS : null,
    },
    { ip: client.source, requestId: 'matrix-spec', userAgent: '', arrivedAt: 0 },
  );
  return { userid, accesstoken };
}

const pathOf = (path: string) => path.replace(/\b[UTN]\b/g, (letter) => STAND_INS[letter]!).replace('AREA', AREA);

async function answerTo(route: string, caller: Caller): Promise<string> {
  const [method, path] = route.split(' ') as [string, string];
  const reply = await client.call(method, pathOf(path), undefined, { as: await sessionOf(caller) });
  return `${reply.status} ${reply.code ?? ''}`.trim();
}

function expected([, access, answer, but]: (typeof ROUTES)[number], caller: Caller): string {
  if (caller === 'nobody' && !access.startsWith('public')) return '401 unauthenticated';
  const isWeb = caller.includes('web');
  if (isWeb && access === 'public, own pages') return answer;
  const same = caller.replace('web ', '') as Caller;
  return (REFUSALS[access] as Partial<Record<Caller, string>>)[same] ?? but?.[same] ?? answer;
}

describe('every route, for every kind of caller', () => {
  it('stands in the table, and nothing else does', () => {
    const inTable = ROUTES.map(([route]) => route.replace(/\b(?:[UTN]|AREA)\b/g, '*'));
    const served = routeAccess(app.get(ModulesContainer)).map(({ method, path }) => `${method} ${path}`);
    expect(inTable.toSorted()).toEqual(served.map((route) => route.replace(/:\w+/g, '*')).toSorted());
    expect(new Set(inTable).size).toBe(inTable.length);
  });

  it('is refused or answered as the contract has it', async () => {
    const wrong: string[] = [];
    for (const row of ROUTES) {
      for (const caller of CALLERS) {
        const [answer, should] = [await answerTo(row[0], caller), expected(row, caller)];
        if (answer !== should) wrong.push(`${row[0]} by ${caller}: ${answer}, not ${should}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('answers HEAD as GET', async () => {
    const wrong: string[] = [];
    for (const row of ROUTES.filter(([route]) => route.startsWith('GET '))) {
      for (const caller of CALLERS) {
        const as = await sessionOf(caller);
        const inHeaders = (login: TokenLogin) => ({
          'x-user-id': login.userid,
          authorization: `Bearer ${login.accesstoken}`,
        });
        const headers = as && ('cookie' in as ? { cookie: as.cookie } : inHeaders(as));
        const { status } = await fetch(`${app.url}${pathOf(row[0].slice(4))}`, { method: 'HEAD', headers });
        if (status !== parseInt(expected(row, caller))) wrong.push(`HEAD for ${row[0]} by ${caller}: ${status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('is closed to an app account but for four', () => {
    const open = ROUTES.filter((row) => !row[1].startsWith('public') && expected(row, 'app') !== NO);
    expect(open.map(([route]) => route).toSorted()).toEqual(APP_REACHES);
  });

  it('that is an admin’s is opened by no half of a pair, no mixed pair and no accesstoken in the cookie', async () => {
    const { userid, accesstoken } = (await sessionOf('admin')) as TokenLogin;
    const other = (await sessionOf('user')) as TokenLogin;
    const halves: Record<string, string>[] = [
      { 'x-user-id': userid },
      { authorization: `Bearer ${accesstoken}` },
      { 'x-user-id': other.userid, authorization: `Bearer ${accesstoken}` },
      { 'x-user-id': userid, authorization: `Bearer ${other.accesstoken}` },
      { cookie: `__Host-session=${userid}.${accesstoken}`, ...OWN_PAGE },
    ];
    for (const headers of halves) {
      for (const [route] of ROUTES.filter(([, access]) => access.startsWith('admin'))) {
        const [method, path] = route.split(' ') as [string, string];
        const reply = await client.call(method, pathOf(path), undefined, { headers });
        expect([route, Object.keys(headers), reply.code]).toEqual([route, Object.keys(headers), 'unauthenticated']);
      }
    }
    expect((await client.get('/v1/users/me', { as: { userid, accesstoken } })).status).toBe(200);
  });
});
