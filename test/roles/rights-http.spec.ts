import { randomUUID } from 'node:crypto';
import { encodeCursor } from '../../src/common/paging.js';
import { describeApi } from '../../src/openapi.js';
import { brief, refusedFields, RightsDoor, type Caller } from './rights-door.js';

let door: RightsDoor;
let admin: Caller;
let user: Caller;

beforeAll(async () => {
  door = await RightsDoor.open();
  admin = await door.login('admin', ['admin']);
  user = await door.login('someone');
});
afterAll(() => door.close());

/** The answers to several calls, in short. */
async function answers(caller: Caller, ...routes: string[]): Promise<string[]> {
  const replies: string[] = [];
  for (const route of routes) replies.push(brief(await caller(route)));
  return replies;
}

describe('roles', () => {
  it('are made, listed, granted, taken away and deleted', async () => {
    const made = await admin('POST /v1/roles', { name: 'editor', description: 'May edit' });
    expect([made.status, made.body]).toEqual([201, { name: 'editor', description: 'May edit', builtIn: false }]);
    expect(brief(await admin('POST /v1/roles', { name: 'editor', description: '' }))).toBe('409 role_exists');
    const page = await admin('GET /v1/roles?limit=3');
    expect(page.body).toEqual({
      items: [
        { name: 'admin', description: expect.any(String) as string, builtIn: true },
        { name: 'app', description: expect.any(String) as string, builtIn: true },
        { name: 'editor', description: 'May edit', builtIn: false },
      ],
      nextCursor: expect.any(String) as string,
    });
    const roleOfUser = `/v1/users/${user.userid}/roles`;
    expect(
      await answers(
        admin,
        `PUT ${roleOfUser}/editor`,
        `PUT ${roleOfUser}/editor`,
        `PUT ${roleOfUser}/app`,
        `DELETE /v1/roles/editor`,
        `DELETE ${roleOfUser}/editor`,
        `DELETE ${roleOfUser}/editor`,
        `DELETE ${roleOfUser}/user`,
        `DELETE /v1/users/${admin.userid}/roles/admin`,
        `DELETE /v1/roles/admin`,
        `DELETE /v1/roles/editor`,
        `DELETE /v1/roles/editor`,
        `PUT ${roleOfUser}/editor`,
        `PUT /v1/users/nobody/roles/user`,
        `PUT ${roleOfUser}/%00`,
      ),
    ).toEqual([
      '204',
      '204',
      '409 role_conflict',
      '409 role_in_use',
      '204',
      '204',
      '409 role_builtin',
      '409 last_admin',
      '409 role_builtin',
      '204',
      '404 not_found',
      '404 not_found',
      '404 not_found',
      '404 not_found',
    ]);
  });

  it('refuse a body that is not theirs, naming each field', async () => {
    const bad = await admin('POST /v1/roles', { name: 'Editor', description: 'x'.repeat(201), builtIn: true });
    expect([brief(bad), refusedFields(bad).toSorted()]).toEqual([
      '422 invalid_request',
      ['builtIn', 'description', 'name'],
    ]);
    const empty = await admin('POST /v1/areas', {});
    expect([brief(empty), refusedFields(empty)]).toEqual(['422 invalid_request', ['name', 'description']]);
    expect(brief(await admin(`PUT /v1/users/${user.userid}/roles/user`, {}))).toBe('422 invalid_request');
  });

  it('end the sessions of an account that becomes an app’s, at once', async () => {
    const future = await door.login('future-app');
    expect(await answers(future, 'GET /v1/areas/none/access')).toEqual(['403 forbidden']);
    expect(await answers(admin, `PUT /v1/users/${future.userid}/roles/app`)).toEqual(['204']);
    expect(await answers(future, 'GET /v1/areas/none/access')).toEqual(['401 unauthenticated']);
    expect(await answers(admin, `DELETE /v1/users/${future.userid}/roles/app`)).toEqual(['409 role_conflict']);
  });
});

describe('private areas', () => {
  it('let in who is on their lists, and nobody any more once they are deleted', async () => {
    const made = await admin('POST /v1/areas', { name: 'reports', description: '' });
    expect([made.status, made.body]).toEqual([201, { name: 'reports', description: '', roles: [] }]);
    const enter = async () => (await answers(user, 'GET /v1/areas/reports/access'))[0];
    expect(await enter()).toBe('403 forbidden');
    expect(await answers(admin, 'PUT /v1/areas/reports/usernames/SomeOne')).toEqual(['204']);
    expect(await enter()).toBe('204');
    const entries = await admin('GET /v1/areas/reports/usernames');
    expect(entries.body).toEqual({
      items: [{ userid: user.userid, username: 'someone', createdAt: expect.stringMatching(/\.\d{3}Z$/) as string }],
      nextCursor: null,
    });
    expect(
      await answers(admin, 'DELETE /v1/areas/reports/usernames/someone', 'PUT /v1/areas/reports/roles/user'),
    ).toEqual(['204', '204']);
    expect((await admin('GET /v1/areas/reports')).body).toEqual({ name: 'reports', description: '', roles: ['user'] });
    expect((await admin(`GET /v1/users/${user.userid}/areas`)).body).toEqual({
      items: [{ name: 'reports', description: '', byUsername: false, byRoles: ['user'] }],
      nextCursor: null,
    });
    expect(await enter()).toBe('204');
    expect(await answers(admin, 'DELETE /v1/areas/reports', 'GET /v1/areas/reports')).toEqual(['204', '404 not_found']);
    expect(await enter()).toBe('403 forbidden');
  });

  it('that do not exist are 403 for who would enter and 404 for who would edit', async () => {
    expect(await answers(user, 'GET /v1/areas/No%00Area/access', 'GET /v1/areas/missing/access')).toEqual([
      '403 forbidden',
      '403 forbidden',
    ]);
    expect(
      await answers(admin, 'PUT /v1/areas/missing/roles/user', 'DELETE /v1/areas/missing/usernames/someone'),
    ).toEqual(['404 not_found', '404 not_found']);
    expect(await answers(admin, 'GET /v1/areas/missing/usernames?cursor=%21')).toEqual(['422 invalid_request']);
  });
});

describe('the audit', () => {
  it('tells who changed what, and in which request', async () => {
    const { requestId } = await admin('POST /v1/areas', { name: 'told', description: '' });
    const page = await admin(`GET /v1/audit?userid=${admin.userid}&action=area.created&limit=1`);
    expect(page.body).toMatchObject({
      items: [{ action: 'area.created', actor: admin.userid, target: null, requestId, detail: { area: 'told' } }],
    });
  });

  it('refuses filters that match nothing there can be', async () => {
    const reply = await admin('GET /v1/audit?userid=me&action=x&since=now&until=2026-01-01&limit=0&actor=y');
    expect([brief(reply), refusedFields(reply).toSorted()]).toEqual([
      '422 invalid_request',
      ['action', 'actor', 'limit', 'since', 'until', 'userid'],
    ]);
  });
});

describe('a cursor', () => {
  const NOBODY = randomUUID();
  const LISTS = [
    'users',
    'roles',
    'areas',
    'audit',
    'sessions',
    'users/me/apitokens',
    `users/${NOBODY}/apitokens`,
    `users/${NOBODY}/sessions`,
    `users/${NOBODY}/areas`,
    'areas/missing/usernames',
  ];

  it('of another list is refused with all else that is wrong, before anything is looked up', async () => {
    for (const list of LISTS) {
      for (const cursor of ['!', encodeCursor(['No Name']), encodeCursor(['1', '2', '3'])]) {
        const reply = await admin(`GET /v1/${list}?cursor=${encodeURIComponent(cursor)}&limit=0`);
        expect([list, brief(reply), refusedFields(reply).toSorted()]).toEqual([
          list,
          '422 invalid_request',
          ['cursor', 'limit'],
        ]);
        expect([list, brief(await admin(`GET /v1/${list}?cursor=${encodeURIComponent(cursor)}`))]).toEqual([
          list,
          '422 invalid_request',
        ]);
      }
    }
  });
});

describe('who may', () => {
  const READS = ['GET /v1/roles', 'GET /v1/areas', 'GET /v1/areas/x1', 'GET /v1/areas/x1/usernames', 'GET /v1/audit'];
  const CHANGES = [
    'POST /v1/roles',
    'DELETE /v1/roles/x1',
    'PUT /v1/users/x/roles/x1',
    'DELETE /v1/users/x/roles/x1',
    'POST /v1/areas',
    'DELETE /v1/areas/x1',
    'PUT /v1/areas/x1/usernames/x1',
    'DELETE /v1/areas/x1/usernames/x1',
    'PUT /v1/areas/x1/roles/x1',
    'DELETE /v1/areas/x1/roles/x1',
  ];

  it('is an admin, and for every change one whose password was proved lately', async () => {
    const stale = await door.login('stale-admin', ['admin'], 6);
    const routes = [...READS, 'GET /v1/users/x/areas', ...CHANGES];
    expect(new Set(await answers(user, ...routes))).toEqual(new Set(['403 forbidden']));
    expect(new Set(await answers(stale, ...CHANGES))).toEqual(new Set(['403 reauthentication_required']));
    expect(await answers(stale, ...READS)).toEqual(['200', '200', '404 not_found', '404 not_found', '200']);
  });
});

describe('the description', () => {
  it('names the problems of each route and the actions of the audit', () => {
    const { paths, components } = describeApi(door.serving.app);
    expect(components?.schemas).toHaveProperty('Problem');
    const conflict = paths['/v1/users/{userid}/roles/{name}']?.delete?.responses['409'];
    expect(conflict).toMatchObject({
      description: '`role_builtin`, `role_conflict`, `last_admin`',
      content: {
        'application/problem+json': {
          schema: {
            allOf: [
              { $ref: '#/components/schemas/Problem' },
              { properties: { code: { enum: ['role_builtin', 'role_conflict', 'last_admin'] } } },
            ],
          },
        },
      },
    });
    expect(JSON.stringify(paths['/v1/audit']?.get?.parameters)).toContain('"area.role_removed"');
  });
});
