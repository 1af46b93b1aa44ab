import type { Principal } from '../../src/access/principal.js';
import { areasOf } from '../../src/authority/area-lists.js';
import { ListAreasQuery, ListAreaUsernamesQuery } from '../../src/areas/areas.dto.js';
import { encodeCursor } from '../../src/common/paging.js';
import { CLIENT, outcome, RightsWorld, type User } from '../roles/rights-world.js';

let world: RightsWorld;
let admin: Principal;

beforeAll(async () => {
  world = await RightsWorld.start();
  admin = await world.admin();
  for (const name of ['editor', 'reader']) await world.roles.create({ name, description: '' }, admin, CLIENT);
});
afterAll(() => world.stop());

const create = (name: string) => outcome(() => world.areas.create({ name, description: 'd' }, admin, CLIENT));
const remove = (name: string) => outcome(() => world.areas.delete(name, admin, CLIENT));
const addUser = (area: string, username: string) =>
  outcome(() => world.lists.addUsername(area, username, admin, CLIENT));
const removeUser = (area: string, username: string) =>
  outcome(() => world.lists.removeUsername(area, username, admin, CLIENT));
const addRole = (area: string, role: string) => outcome(() => world.lists.addRole(area, role, admin, CLIENT));
const removeRole = (area: string, role: string) => outcome(() => world.lists.removeRole(area, role, admin, CLIENT));

/** What the guard asks, with the roles that the user has now. */
async function admits(area: string, { userid }: User): Promise<boolean> {
  const { roles } = (await world.authority.ask(userid, null))!.authority;
  return world.areas.admits(area, userid, roles);
}

describe('a private area', () => {
  it('is made once, shown with its roles, and deleted with its lists', async () => {
    expect([await create('reports'), await create('reports')]).toEqual(['done', 'area_exists']);
    const user = await world.user();
    await addUser('reports', user.username);
    for (const role of ['reader', 'user', 'editor']) await addRole('reports', role);
    expect(await world.areas.findOrFail('reports')).toEqual({
      name: 'reports',
      description: 'd',
      roles: ['editor', 'reader', 'user'],
    });
    expect([await remove('reports'), await remove('reports'), await create('reports')]).toEqual([
      'done',
      'not_found',
      'done',
    ]);
    expect((await world.areas.findOrFail('reports')).roles).toEqual([]);
    expect(await admits('reports', user)).toBe(false);
    expect(await world.told(admin.userid)).toContain(
      'area.deleted {"area":"reports","roles":["editor","reader","user"],"usernames":1}',
    );
  });

  it('that is not there, or has a name that none can have, is 404 everywhere', async () => {
    const user = await world.user();
    for (const name of ['missing', 'Reports', 'a', '\u0000', "x' OR true --"]) {
      const answers = [
        await outcome(() => world.areas.findOrFail(name)),
        await remove(name),
        await outcome(() => world.lists.usernames(name, ListAreaUsernamesQuery.parse({}))),
        await addUser(name, user.username),
        await removeUser(name, user.username),
        await addRole(name, 'reader'),
        await removeRole(name, 'reader'),
      ];
      expect(new Set(answers)).toEqual(new Set(['not_found']));
      expect(await admits(name, user)).toBe(false);
    }
  });

  it('is listed a to z, page by page', async () => {
    for (const name of ['page-c', 'page_b', 'page-a']) await create(name);
    const first = await world.areas.list(ListAreasQuery.parse({ limit: '1', cursor: encodeCursor(['page-']) }));
    const rest = await world.areas.list(ListAreasQuery.parse({ limit: '2', cursor: first.nextCursor! }));
    expect([...first.items, ...rest.items].map(({ name }) => name)).toEqual(['page-a', 'page-c', 'page_b']);
    for (const parts of [['page', 'c'], ['No Name']]) {
      expect(ListAreasQuery.safeParse({ cursor: encodeCursor(parts) }).success).toBe(false);
      expect(ListAreaUsernamesQuery.safeParse({ cursor: encodeCursor(parts) }).success).toBe(false);
    }
  });
});

describe('who may enter', () => {
  it('is decided by username and by role, as the lists are now', async () => {
    await create('club');
    const member = await world.user();
    const editor = await world.user({ roles: ['editor'] });
    const stranger = await world.user();
    const may = async () => [
      await admits('club', member),
      await admits('club', editor),
      await admits('club', stranger),
      await admits('club', admin),
    ];
    expect(await may()).toEqual([false, false, false, false]);
    await addUser('club', member.username);
    expect(await may()).toEqual([true, false, false, false]);
    await addRole('club', 'editor');
    expect(await may()).toEqual([true, true, false, false]);
    await removeUser('club', member.username);
    await addRole('club', 'user');
    expect(await may()).toEqual([true, true, true, true]);
    await removeRole('club', 'user');
    await removeRole('club', 'editor');
    expect(await may()).toEqual([false, false, false, false]);
  });

  it('is no app account, not even where everybody may', async () => {
    await create('everybody');
    await addRole('everybody', 'user');
    const app = await world.user({ roles: ['app'] });
    expect(await admits('everybody', app)).toBe(false);
    expect(await areasOf(world.dataSource.manager, app.userid, ['app', 'user'])).toEqual([]);
    expect((await world.areas.listFor(app.userid, ListAreasQuery.parse({}))).items).toEqual([]);
    await remove('everybody');
  });

  it('is told per user, by what, a to z and page by page', async () => {
    const user = await world.user({ roles: ['editor', 'reader'] });
    for (const name of ['o-one', 'o-three', 'o-two']) await create(name);
    await addUser('o-two', user.username);
    for (const [area, role] of [
      ['o-one', 'reader'],
      ['o-one', 'editor'],
      ['o-two', 'user'],
    ] as const) {
      await addRole(area, role);
    }
    const first = await world.areas.listFor(user.userid, ListAreasQuery.parse({ limit: '1' }));
    expect(first.items).toEqual([
      { name: 'o-one', description: 'd', by_username: false, by_roles: ['editor', 'reader'] },
    ]);
    const second = await world.areas.listFor(user.userid, ListAreasQuery.parse({ cursor: first.nextCursor! }));
    expect(second).toEqual({
      items: [{ name: 'o-two', description: 'd', by_username: true, by_roles: ['user'] }],
      nextCursor: null,
    });
    expect(await world.areas.namesFor(user.userid, ['editor', 'reader', 'user'])).toEqual(['o-one', 'o-two']);
    const deleted = await world.user({ status: 'deleted' });
    expect(await outcome(() => world.areas.listFor(deleted.userid, ListAreasQuery.parse({})))).toBe('not_found');
  });

  it('is not answered while the truth cannot be read', async () => {
    const { userid } = await world.user();
    const without = await RightsWorld.start();
    try {
      await without.truth.onModuleDestroy();
      expect(await outcome(() => without.areas.admits('club', userid, ['user']))).toBe('unavailable');
    } finally {
      await without.stop();
    }
  });
});

describe('a list', () => {
  it('takes a username in any spelling that folds into it, once, and tells so once', async () => {
    await create('salon');
    const user = await world.user({ username: 'kelvin' });
    expect([await addUser('salon', '\u212aELVIN'), await addUser('salon', 'kelvin')]).toEqual(['done', 'done']);
    const { items } = await world.lists.usernames('salon', ListAreaUsernamesQuery.parse({}));
    expect(items).toEqual([{ userid: user.userid, username: 'kelvin', created_at: expect.any(Date) as Date }]);
    expect([await removeUser('salon', 'Kelvin'), await removeUser('salon', 'kelvin')]).toEqual(['done', 'done']);
    expect(await world.told(user.userid)).toEqual([
      'area.user_removed {"area":"salon"}',
      'area.user_added {"area":"salon"}',
    ]);
  });

  it('gives its usernames a to z, page by page', async () => {
    await create('alphabet');
    for (const username of ['al_c', 'al.b', 'al-a']) {
      await world.user({ username });
      await addUser('alphabet', username);
    }
    const first = await world.lists.usernames('alphabet', ListAreaUsernamesQuery.parse({ limit: '2' }));
    const rest = await world.lists.usernames('alphabet', ListAreaUsernamesQuery.parse({ cursor: first.nextCursor! }));
    expect([first.items.map(({ username }) => username), rest.items.map(({ username }) => username)]).toEqual([
      ['al-a', 'al.b'],
      ['al_c'],
    ]);
    expect(rest.nextCursor).toBeNull();
  });

  it('takes neither who is not there nor an app account, nor gives them up', async () => {
    await create('refusals');
    await world.user({ username: 'gone', status: 'deleted' });
    await world.user({ username: 'machine', roles: ['app'] });
    await world.user({ username: 'sleeper', status: 'disabled' });
    for (const edit of [addUser, removeUser]) {
      const names = ['gone', 'nobody-at-all', 'x', '\u0000', 'machine', 'sleeper'];
      const answers = await Promise.all(names.map((name) => edit('refusals', name)));
      expect(answers).toEqual(['not_found', 'not_found', 'not_found', 'not_found', 'role_conflict', 'done']);
    }
    for (const edit of [addRole, removeRole]) {
      const answers = await Promise.all(
        ['no-such-role', '\u0000', 'app', 'admin'].map((role) => edit('refusals', role)),
      );
      expect(answers).toEqual(['not_found', 'not_found', 'role_conflict', 'done']);
    }
  });

  it('that is edited while its area is being deleted is gone', async () => {
    await create('vanishing');
    const user = await world.user();
    const outcomes = await world.race(
      () => world.areas.delete('vanishing', admin, CLIENT),
      () => world.lists.addUsername('vanishing', user.username, admin, CLIENT),
      () => world.lists.addRole('vanishing', 'reader', admin, CLIENT),
    );
    expect(outcomes).toEqual(['done', 'not_found', 'not_found']);
    expect(await world.areas.namesFor(user.userid, ['reader', 'user'])).not.toContain('vanishing');
  });

  it('is not edited by somebody whose session is over', async () => {
    await create('closed');
    const user = await world.user();
    const former = await world.session(await world.user({ roles: ['admin'] }));
    await world.dataSource.query(
      `INSERT INTO session_ends (sid, userid, kept_until) VALUES ($1, $2, now() + interval '1 day')`,
      [former.session!.sid, former.userid],
    );
    const answers = [
      await outcome(() => world.lists.addUsername('closed', user.username, former, CLIENT)),
      await outcome(() => world.lists.addRole('closed', 'user', former, CLIENT)),
      await outcome(() => world.areas.delete('closed', former, CLIENT)),
    ];
    expect(new Set(answers)).toEqual(new Set(['unauthenticated']));
    expect(await admits('closed', user)).toBe(false);
  });
});
