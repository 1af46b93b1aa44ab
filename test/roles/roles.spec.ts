import type { Principal } from '../../src/access/principal.js';
import { ListRolesQuery } from '../../src/roles/roles.dto.js';
import { hold, type Barrier } from '../support/barrier.js';
import { CLIENT, outcome, RightsWorld, type User } from './rights-world.js';

let world: RightsWorld;
let admin: Principal;

beforeAll(async () => {
  world = await RightsWorld.start();
  admin = await world.admin();
});
afterAll(() => world.stop());

const grant = ({ userid }: User, role: string, actor = admin) =>
  outcome(() => world.grants.grant(userid, role, actor, CLIENT));
const revoke = ({ userid }: User, role: string, actor = admin) =>
  outcome(() => world.grants.revoke(userid, role, actor, CLIENT));
const create = (name: string) => outcome(() => world.roles.create({ name, description: '' }, admin, CLIENT));
const remove = (name: string) => outcome(() => world.roles.delete(name, admin, CLIENT));
const authorityOf = async ({ userid }: User) => (await world.authority.ask(userid, null))!.authority;

describe('the roles there are', () => {
  it('are listed a to z, page by page, built-in ones among them', async () => {
    for (const name of ['zebra', 'b-one', 'b_one', 'b1']) expect(await create(name)).toBe('done');
    const names: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await world.roles.list(ListRolesQuery.parse({ limit: '2', ...(cursor ? { cursor } : {}) }));
      names.push(...page.items.map(({ name, built_in }) => (built_in ? `${name}!` : name)));
      cursor = page.nextCursor;
    }
    expect(names).toEqual(['admin!', 'app!', 'b-one', 'b1', 'b_one', 'user!', 'zebra']);
  });

  it('are made once, and made again after they were deleted', async () => {
    expect([await create('editor'), await create('editor'), await create('user')]).toEqual([
      'done',
      'role_exists',
      'role_exists',
    ]);
    expect([await remove('editor'), await remove('editor'), await create('editor')]).toEqual([
      'done',
      'not_found',
      'done',
    ]);
    expect(await world.told(admin.userid)).toEqual(
      expect.arrayContaining(['role.created {"role":"editor"}', 'role.deleted {"role":"editor"}']),
    );
  });

  it('stay while somebody holds them or an area names them, and built-in ones always', async () => {
    await create('held');
    await create('named');
    const holder = await world.user({ roles: ['held'], status: 'disabled' });
    await world.areas.create({ name: 'vault', description: '' }, admin, CLIENT);
    await world.lists.addRole('vault', 'named', admin, CLIENT);
    expect([await remove('held'), await remove('named'), await remove('user'), await remove('app')]).toEqual([
      'role_in_use',
      'role_in_use',
      'role_builtin',
      'role_builtin',
    ]);
    await revoke(holder, 'held');
    await world.lists.removeRole('vault', 'named', admin, CLIENT);
    expect([await remove('held'), await remove('named'), await remove('No Name\u0000')]).toEqual([
      'done',
      'done',
      'not_found',
    ]);
  });

  it('are not made or deleted by somebody who is no admin any more', async () => {
    const former = await world.user({ roles: ['admin'] });
    const actor = await world.session(former);
    await revoke(former, 'admin');
    expect(await outcome(() => world.roles.create({ name: 'late', description: '' }, actor, CLIENT))).toBe(
      'unauthenticated',
    );
    expect(await remove('late')).toBe('not_found');
  });
});

describe('a grant', () => {
  it('is in force with its answer, and told once, however often it is repeated', async () => {
    await create('reader');
    const user = await world.user();
    expect([await grant(user, 'reader'), await grant(user, 'reader')]).toEqual(['done', 'done']);
    expect((await authorityOf(user)).roles).toEqual(['reader', 'user']);
    expect([await revoke(user, 'reader'), await revoke(user, 'reader')]).toEqual(['done', 'done']);
    expect((await authorityOf(user)).roles).toEqual(['user']);
    expect(await world.told(user.userid)).toEqual(['role.revoked {"role":"reader"}', 'role.granted {"role":"reader"}']);
  });

  it('needs a user and a role that are there', async () => {
    const user = await world.user();
    const deleted = await world.user({ status: 'deleted' });
    const nobody = { userid: '0b4d1f5e-6c3a-4f0e-9a3b-2f6f3f0c7a51', username: 'nobody' };
    for (const change of [grant, revoke]) {
      expect([await change(nobody, 'user'), await change(deleted, 'user'), await change(user, 'missing')]).toEqual([
        'not_found',
        'not_found',
        'not_found',
      ]);
      expect(await change(user, '\u0000')).toBe('not_found');
    }
  });

  it('of role user changes nothing, and nobody loses it', async () => {
    const user = await world.user();
    expect([await grant(user, 'user'), await revoke(user, 'user')]).toEqual(['done', 'role_builtin']);
    expect(await world.told(user.userid)).toEqual([]);
  });

  it('of app ends the sessions of the account and is for good', async () => {
    const user = await world.user();
    const before = await authorityOf(user);
    expect([await grant(user, 'app'), await grant(user, 'app')]).toEqual(['done', 'done']);
    const after = await authorityOf(user);
    expect(after.roles).toEqual(['app', 'user']);
    expect([before.epoch, after.epoch]).toEqual(['0.0', '0.1']);
    await create('other');
    expect([await revoke(user, 'app'), await grant(user, 'other'), await grant(user, 'user')]).toEqual([
      'role_conflict',
      'role_conflict',
      'done',
    ]);
    expect(await revoke(user, 'admin')).toBe('done');
  });

  it('of app is refused beside another role and on an area’s list', async () => {
    await create('writer');
    await world.areas.create({ name: 'lounge', description: '' }, admin, CLIENT);
    const writer = await world.user({ roles: ['writer'] });
    const guest = await world.user();
    await world.lists.addUsername('lounge', guest.username, admin, CLIENT);
    expect([await grant(writer, 'app'), await grant(guest, 'app')]).toEqual(['role_conflict', 'role_conflict']);
    await world.lists.removeUsername('lounge', guest.username, admin, CLIENT);
    expect([await revoke(writer, 'app'), await grant(guest, 'app')]).toEqual(['done', 'done']);
  });

  it('that is under way keeps its role from being deleted', async () => {
    await create('contested');
    const user = await world.user();
    const outcomes = await world.race(
      () => world.grants.grant(user.userid, 'contested', admin, CLIENT),
      () => world.roles.delete('contested', admin, CLIENT),
    );
    expect(outcomes).toEqual(['done', 'role_in_use']);
    expect((await authorityOf(user)).roles).toEqual(['contested', 'user']);
  });

  it('of a role whose deletion is under way finds none', async () => {
    await create('fading');
    const user = await world.user();
    const outcomes = await world.race(
      () => world.roles.delete('fading', admin, CLIENT),
      () => world.grants.grant(user.userid, 'fading', admin, CLIENT),
    );
    expect(outcomes).toEqual(['done', 'not_found']);
  });

  it('of app meets the same user being put on an area’s list: one of the two is refused', async () => {
    await world.areas.create({ name: 'crossing', description: '' }, admin, CLIENT);
    const user = await world.user();
    const outcomes = await world.race(
      () => world.grants.grant(user.userid, 'app', admin, CLIENT),
      () => world.lists.addUsername('crossing', user.username, admin, CLIENT),
    );
    expect(outcomes).toEqual(['done', 'role_conflict']);
  });
});

describe('the last active admin', () => {
  let alone: RightsWorld;

  beforeAll(async () => {
    alone = await RightsWorld.start();
  });
  afterAll(() => alone.stop());

  it('stays, whatever disabled admins there are, also where two leave at once', async () => {
    const first = await alone.user({ roles: ['admin'] });
    const second = await alone.user({ roles: ['admin'] });
    const disabled = await alone.user({ roles: ['admin'], status: 'disabled' });
    const actors = { first: await alone.session(first), second: await alone.session(second) };
    const outcomes = await alone.race(
      () => alone.grants.revoke(first.userid, 'admin', actors.first, CLIENT),
      () => alone.grants.revoke(second.userid, 'admin', actors.second, CLIENT),
    );
    expect(outcomes).toEqual(['done', 'last_admin']);
    expect(await outcome(() => alone.grants.revoke(disabled.userid, 'admin', actors.second, CLIENT))).toBe('done');
    expect(await outcome(() => alone.grants.grant(first.userid, 'admin', actors.first, CLIENT))).toBe(
      'unauthenticated',
    );
  });
});

describe('a change whose lease is lost while it commits', () => {
  it('is not acknowledged: nobody can say whether the others will see it', async () => {
    const lost = await RightsWorld.start();
    try {
      const actor = await lost.admin();
      const committing = Promise.withResolvers<Barrier>();
      const change = lost.authority.adminChange(actor, ['admin'], (tx) => {
        committing.resolve(hold(tx.queryRunner!, 'commitTransaction', 'after'));
        return tx.query(`INSERT INTO roles (name, description) VALUES ('half-made', '')`);
      });
      const commit = await committing.promise;
      await commit.reached;
      await lost.truth.onModuleDestroy();
      commit.release();
      await expect(change).rejects.toMatchObject({ code: 'outcome_unknown' });
    } finally {
      await lost.stop();
    }
  });
});
