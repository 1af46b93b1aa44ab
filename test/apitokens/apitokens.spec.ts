import { ListApitokensQuery } from '../../src/apitokens/apitokens.dto.js';
import { parseToken } from '../../src/common/secret-token.js';
import { Accounts, codeOf, type Account } from '../users/accounts.js';

describe('apitokens', () => {
  let accounts: Accounts;
  let admin: Account;

  beforeAll(async () => {
    accounts = await Accounts.start();
    admin = await accounts.account('the-admin', 'admin');
  });

  afterAll(() => accounts.close());

  const create = (owner: string, by: Account, name = 'script', expiresAt?: Date) =>
    accounts.apitokens.create(owner, { name, expiresAt }, by.principal, accounts.client());
  const remove = (owner: string, id: string, by: Account) =>
    accounts.apitokens.delete(owner, id, by.principal, accounts.client());
  const list = async (userid: string) => (await accounts.apitokens.list(userid, { limit: 100 })).items;
  const expire = (id: string) =>
    accounts.db.query(`UPDATE apitokens SET expires_at = now() - interval '1 second' WHERE id = $1`, [id]);

  /** Fills up to `count`, without a change for each. */
  const fill = async (userid: string, count: number) => {
    const held = (await list(userid)).length;
    await accounts.db.transaction(async (tx) => {
      for (let i = held; i < count; i += 1) await accounts.apitokens.insert(tx, userid, `filler ${i}`, null);
    });
  };

  it('are found by their whole secret until they expire, and listed without it', async () => {
    const owner = await accounts.account('owner');
    const end = new Date(Date.now() + 60_000);
    const made = await create(owner.userid, owner, 'Phone ☎', end);
    const token = parseToken('apt', made.apitoken)!;
    expect(await accounts.apitokens.findForLogin(token)).toEqual({
      apitokenId: made.id,
      expiresAt: end.getTime(),
      userid: owner.userid,
      username: 'owner',
      status: 'active',
      passwordHash: 'none',
      epoch: '0.0',
      isApp: false,
    });
    expect(await accounts.apitokens.findForLogin({ ...token, secret: 'A'.repeat(43) })).toBeNull();
    const listed = await list(owner.userid);
    expect(listed.map(({ name }) => name)).toEqual(['Phone ☎', 'first']);
    expect(listed[0]).toMatchObject({ id: made.id, expiresAt: end, lastUsedAt: null });
    expect(JSON.stringify(listed)).not.toContain(token.secret);
    await expire(made.id);
    expect(await accounts.apitokens.findForLogin(token)).toBeNull();
  });

  it('stand once each over all pages, newest first', async () => {
    const { userid } = await accounts.account('pager');
    await fill(userid, 5);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await accounts.apitokens.listOf(userid, ListApitokensQuery.parse({ limit: '2', cursor }));
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual((await list(userid)).map(({ id }) => id));
    expect(new Set(seen).size).toBe(5);
  });

  it('are at most 50, of which expired ones do not count, also when two are made at once', async () => {
    const owner = await accounts.account('collector');
    await fill(owner.userid, 49);
    const both = await accounts.heldUp(2, () =>
      Promise.allSettled([create(owner.userid, owner), create(owner.userid, owner)]),
    );
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await codeOf(create(owner.userid, owner))).toBe('too_many_apitokens');
    await expire((await list(owner.userid))[0]!.id);
    await create(owner.userid, owner);
    expect(await codeOf(create(owner.userid, admin))).toBe('too_many_apitokens');
  });

  it('take the sessions with them that they opened, and no others', async () => {
    const owner = await accounts.account('two-phones');
    const second = await create(owner.userid, owner);
    const onSecond = await accounts.openSession(owner.userid, second.id);
    await remove(owner.userid, second.id, owner);
    expect(await accounts.isLoggedIn(onSecond)).toBe(false);
    expect(await accounts.isLoggedIn(owner.opened)).toBe(true);
    expect(await codeOf(remove(owner.userid, second.id, owner))).toBe('not_found');
    const [deleted] = await accounts.audited('apitoken.deleted');
    expect(deleted).toMatchObject({ actor: owner.userid, target: owner.userid, detail: { apitoken: second.id } });
  });

  it('of others are out of reach', async () => {
    const victim = await accounts.account('victim');
    const stranger = await accounts.account('stranger');
    expect(await codeOf(remove(stranger.userid, victim.apitokenId, stranger))).toBe('not_found');
    expect(await codeOf(remove(victim.userid, victim.apitokenId, stranger))).toBe('unauthenticated');
    expect(await codeOf(create(victim.userid, stranger))).toBe('unauthenticated');
    expect(await list(victim.userid)).toHaveLength(1);
  });

  it('are rotated by an admin for an app account', async () => {
    const app = await accounts.account('the-app', 'app');
    const second = await create(app.userid, admin, 'version 2');
    expect(await accounts.apitokens.findForLogin(parseToken('apt', second.apitoken)!)).toMatchObject({ isApp: true });
    await remove(app.userid, app.apitokenId, admin);
    expect((await list(app.userid)).map(({ name }) => name)).toEqual(['version 2']);
    expect(await accounts.isLoggedIn(app.opened)).toBe(false);
  });

  it('are made for a disabled user, and not for a deleted or unknown one', async () => {
    const { userid } = await accounts.account('on-leave');
    await accounts.users.setStatus(userid, 'disabled', admin.principal, accounts.client());
    await create(userid, admin);
    await accounts.users.delete(userid, admin.principal, accounts.client());
    for (const nobody of [userid, '3f2504e0-4f89-41d3-9a0c-0305e82c3301']) {
      expect(await codeOf(create(nobody, admin))).toBe('not_found');
      expect(await codeOf(accounts.apitokens.listOf(nobody, { limit: 1 }))).toBe('not_found');
    }
  });

  it('make room at 50: expired first, then never used from the oldest on, then the longest unused', async () => {
    const app = await accounts.account('room-app', 'app');
    const { userid } = await accounts.account('roomy');
    const makeRoom = async () => {
      const before = await list(userid);
      await accounts.db.transaction((tx) => accounts.apitokens.makeRoom(tx, userid, app.principal, accounts.client()));
      const after = new Set((await list(userid)).map(({ id }) => id));
      return before.filter(({ id }) => !after.has(id)).map(({ name }) => name);
    };
    expect(await makeRoom()).toEqual([]);
    await fill(userid, 50);
    const age = `UPDATE apitokens SET created_at = now() - $2::integer * interval '1 day',
      last_used_at = now() - $3::integer * interval '1 hour' WHERE userid = $1 AND name = $4`;
    await accounts.db.query(age, [userid, 400, 1, 'first']);
    await accounts.db.query(age, [userid, 1, 9, 'filler 9']);
    await accounts.db.query(age, [userid, 300, null, 'filler 5']);
    await accounts.db.query(`UPDATE apitokens SET expires_at = now() WHERE userid = $1 AND name = 'filler 7'`, [
      userid,
    ]);
    expect(await makeRoom()).toEqual(['filler 7']);
    await fill(userid, 50);
    expect(await makeRoom()).toEqual(['filler 5']);
    await fill(userid, 50);
    await accounts.db.query('UPDATE apitokens SET last_used_at = now() WHERE userid = $1 AND last_used_at IS NULL', [
      userid,
    ]);
    expect(await makeRoom()).toEqual(['filler 9']);
    const audited = (await accounts.audited('apitoken.deleted')).filter(({ target }) => target === userid);
    expect(audited.map(({ actor }) => actor)).toEqual([app.userid, app.userid, app.userid]);
  });

  it('tell when they were last used', async () => {
    const account = await accounts.account('user-of-one');
    const { userid, apitokenId } = account;
    await accounts.logIn(account);
    const [first] = await list(userid);
    expect(Math.abs(first!.lastUsedAt!.getTime() - Date.now())).toBeLessThan(60_000);
    // Both may be in the same millisecond.
    const age = `UPDATE apitokens SET last_used_at = last_used_at - interval '1 hour' WHERE id = $1`;
    await accounts.db.query(age, [apitokenId]);
    await accounts.logIn(account);
    expect((await list(userid))[0]!.lastUsedAt!.getTime()).toBeGreaterThanOrEqual(first!.lastUsedAt!.getTime());
  });
});
