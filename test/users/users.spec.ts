import { jest } from '@jest/globals';
import { ListUsersQuery } from '../../src/users/users.dto.js';
import { parseToken } from '../../src/common/secret-token.js';
import { Accounts, codeOf, type Account } from './accounts.js';

describe('users', () => {
  let accounts: Accounts;
  let admin: Account;

  beforeAll(async () => {
    accounts = await Accounts.start();
    admin = await accounts.account('admin-one', 'admin');
  });

  afterAll(() => accounts.close());

  const names = async (query: Omit<ListUsersQuery, 'limit'>) =>
    (await accounts.users.list({ limit: 100, ...query })).items.map(({ username }) => username).sort();
  const setStatus = (userid: string, status: 'active' | 'disabled', by = admin) =>
    accounts.users.setStatus(userid, status, by.principal, accounts.client());
  const remove = (userid: string, by = admin) => accounts.users.delete(userid, by.principal, accounts.client());

  describe('in the list', () => {
    it('are found by prefix, where a wildcard is a letter like any other', async () => {
      for (const name of ['pre_fix', 'prexfix', 'pre_']) await accounts.account(name);
      expect(await names({ search: 'PRE_' })).toEqual(['pre_', 'pre_fix']);
      expect(await names({ search: 'pre%' })).toEqual([]);
      expect(await names({ search: 'pre\\' })).toEqual([]);
      expect(await names({ search: 'fix' })).toEqual([]);
    });

    it('are found by role and status', async () => {
      await accounts.account('find-app', 'app');
      const { userid } = await accounts.account('find-off');
      await setStatus(userid, 'disabled');
      expect(await names({ search: 'find-', role: 'app' })).toEqual(['find-app']);
      expect(await names({ search: 'find-', role: 'user' })).toEqual(['find-app', 'find-off']);
      expect(await names({ search: 'find-', status: 'active' })).toEqual(['find-app']);
      expect(await names({ search: 'find-', status: 'disabled' })).toEqual(['find-off']);
      expect(await names({ role: 'nobody-has-this' })).toEqual([]);
    });

    it('stand once each over all pages, newest first, also those made in one millisecond', async () => {
      const made = ['page-a', 'page-b', 'page-c', 'page-d', 'page-e'];
      for (const name of made) await accounts.account(name);
      const sql = `UPDATE users SET created_at = timestamptz '2026-01-01 00:00:00.0001Z' + $2 * interval '1 microsecond'
        WHERE username = $1`;
      for (const [index, name] of made.entries()) await accounts.db.query(sql, [name, Math.floor(index / 2)]);
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await accounts.users.list(ListUsersQuery.parse({ limit: '1', search: 'page-', cursor }));
        seen.push(...page.items.map(({ username }) => username));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      expect(seen.toSorted()).toEqual(made);
      expect(seen[0]).toBe('page-e');
      expect(seen.slice(3).sort()).toEqual(['page-a', 'page-b']);
    });

    it('stand with the areas of each, which one query more finds for all of them', async () => {
      await accounts.db.query(`INSERT INTO roles (name, description) VALUES ('area-editor', '')`);
      const [plain, listed] = [await accounts.account('area-a'), await accounts.account('area-b')];
      const both = await accounts.account('area-c', 'area-editor');
      await accounts.account('area-d', 'app');
      await accounts.db.query(`INSERT INTO areas (name, description) VALUES ('open', ''), ('edit', ''), ('list', '')`);
      await accounts.db.query(`INSERT INTO area_roles VALUES ('open', 'user'), ('edit', 'area-editor')`);
      for (const { userid } of [listed, both]) {
        await accounts.db.query(`INSERT INTO area_users (area, userid) VALUES ('list', $1)`, [userid]);
      }
      const query = jest.spyOn(accounts.db.manager, 'query');
      const { items } = await accounts.users.list({ limit: 100, search: 'area-' });
      expect(query).toHaveBeenCalledTimes(1);
      query.mockRestore();
      expect(items.map(({ username, areas }) => [username, areas])).toEqual([
        ['area-d', []],
        ['area-c', ['edit', 'list', 'open']],
        ['area-b', ['list', 'open']],
        ['area-a', ['open']],
      ]);
      expect((await accounts.users.findOrFail(plain.userid)).areas).toEqual(['open']);
      expect((await accounts.users.list({ limit: 1, search: 'nobody-of-that-name' })).items).toEqual([]);
      await accounts.db.query('DELETE FROM areas');
    });

    it('are not led astray by a cursor of another list', async () => {
      const cursor = Buffer.from(`99999999999999999,${admin.userid}`).toString('base64url');
      expect(ListUsersQuery.safeParse({ cursor }).success).toBe(false);
    });
  });

  it('show that their password is off after 100 wrong ones', async () => {
    const { userid } = await accounts.account('wrong-often');
    const fail = 'UPDATE users SET web_failures = $2 WHERE userid = $1';
    await accounts.db.query(fail, [userid, 99]);
    expect((await accounts.users.findOrFail(userid)).passwordLocked).toBe(false);
    await accounts.db.query(fail, [userid, 100]);
    expect((await accounts.users.findOrFail(userid)).passwordLocked).toBe(true);
  });

  it('tell when they last logged in; of an app account it is written once a second', async () => {
    const [user, app] = [await accounts.account('comes-often'), await accounts.account('many-phones', 'app')];
    const last = async ({ userid }: Account) => (await accounts.users.findOrFail(userid)).lastLoginAt?.getTime() ?? 0;
    const logIn = async (account: Account) => {
      await accounts.logIn(account);
      return last(account);
    };
    /** The last login was that long ago; a time to come stands for less than a second. */
    const age = (seconds: number) =>
      accounts.db.query(`UPDATE users SET last_login_at = now() - $1 * interval '1 second'`, [seconds]);
    for (const account of [user, app]) {
      expect(await logIn(account)).toBeGreaterThan(0);
      await age(1.1);
      const before = await last(account);
      expect(await logIn(account)).toBeGreaterThan(before);
    }
    await age(-600);
    expect(await logIn(user)).toBeLessThan(Date.now() + 300_000);
    expect(await logIn(app)).toBeGreaterThan(Date.now() + 300_000);
  });

  it('see themselves with roles and private areas', async () => {
    const { principal } = await accounts.account('self-seer');
    await accounts.db.query(`INSERT INTO areas (name, description) VALUES ('reports', ''), ('vault', '')`);
    await accounts.db.query(`INSERT INTO area_users (area, userid) VALUES ('vault', $1)`, [principal.userid]);
    await accounts.db.query(`INSERT INTO area_roles (area, role) VALUES ('reports', 'user')`);
    expect(await accounts.users.me(principal)).toMatchObject({
      userid: principal.userid,
      username: 'self-seer',
      roles: ['user'],
      areas: ['reports', 'vault'],
    });
    await accounts.db.query('DELETE FROM areas');
  });

  it('are out at once when disabled, and have to log in again when enabled', async () => {
    const { userid, apitokenId, opened } = await accounts.account('in-and-out');
    expect(await accounts.isLoggedIn(opened)).toBe(true);
    expect((await setStatus(userid, 'disabled')).status).toBe('disabled');
    expect(await accounts.isLoggedIn(opened)).toBe(false);
    expect((await setStatus(userid, 'active')).status).toBe('active');
    expect(await accounts.isLoggedIn(opened)).toBe(false);
    const again = await accounts.openSession(userid, apitokenId);
    await setStatus(userid, 'active');
    expect(await accounts.isLoggedIn(again)).toBe(true);
    const about = async (action: string) => (await accounts.audited(action)).filter(({ target }) => target === userid);
    expect(await about('user.disabled')).toHaveLength(1);
    expect(await about('user.enabled')).toHaveLength(1);
  });

  it('leave nothing but their row when deleted', async () => {
    const { userid, opened, principal } = await accounts.account('leaver', 'admin');
    await accounts.db.query(`INSERT INTO areas (name, description) VALUES ('left', '')`);
    await accounts.db.query(`INSERT INTO area_users (area, userid) VALUES ('left', $1)`, [userid]);
    await accounts.db.query(`INSERT INTO known_sources (userid, source) VALUES ($1, '192.0.2.1')`, [userid]);
    await accounts.users.issueResetCode(userid, admin.principal, accounts.client());
    await remove(userid, { ...admin, principal });
    expect(await accounts.isLoggedIn(opened)).toBe(false);
    for (const table of ['apitokens', 'user_roles', 'area_users', 'known_sources', 'reset_codes', 'sessions']) {
      expect(await accounts.db.query(`SELECT 1 FROM ${table} WHERE userid = $1`, [userid])).toEqual([]);
    }
    const [row] = (await accounts.db.query('SELECT * FROM users WHERE userid = $1', [userid])) as object[];
    expect(row).toMatchObject({ username: 'leaver', status: 'deleted', password_hash: null, epoch: '1' });
    expect(row).toMatchObject({ created_at: expect.any(Date) as Date, deleted_at: expect.any(Date) as Date });
    expect(await names({ search: 'leaver' })).toEqual([]);
    for (const attempt of [
      () => accounts.users.findOrFail(userid),
      () => setStatus(userid, 'active'),
      () => remove(userid),
      () => accounts.users.issueResetCode(userid, admin.principal, accounts.client()),
    ]) {
      expect(await codeOf(attempt())).toBe('not_found');
    }
  });

  it('cannot be changed by an admin who has lost the role meanwhile', async () => {
    const { userid } = await accounts.account('unharmed');
    const former = await accounts.account('former', 'admin');
    await accounts.db.query('DELETE FROM user_roles WHERE userid = $1', [former.userid]);
    expect(await codeOf(setStatus(userid, 'disabled', former))).toBe('unauthenticated');
    expect(await codeOf(remove(userid, former))).toBe('unauthenticated');
    expect((await accounts.users.findOrFail(userid)).status).toBe('active');
  });

  it('get one valid reset code at a time, for 24 hours', async () => {
    const { userid } = await accounts.account('forgetful');
    await accounts.users.issueResetCode(userid, admin.principal, accounts.client());
    const { code, expiresAt } = await accounts.users.issueResetCode(userid, null, null);
    expect(Math.abs(expiresAt.getTime() - Date.now() - 86_400_000)).toBeLessThan(60_000);
    const stored = (await accounts.db.query('SELECT id, secret_hash FROM reset_codes WHERE userid = $1', [userid])) as {
      id: string;
      secret_hash: string;
    }[];
    const token = parseToken('rst', code)!;
    expect(stored.map(({ id }) => id)).toEqual([token.id]);
    expect(JSON.stringify(stored)).not.toContain(token.secret);
    const issued = (await accounts.audited('password_reset.issued')).filter(({ target }) => target === userid);
    expect(issued.map(({ actor }) => actor)).toEqual([admin.userid, null]);
    expect(JSON.stringify(issued)).not.toContain(token.secret);
  });

  it('keep one active admin, also when the last two go at once', async () => {
    const other = await accounts.account('admin-two', 'admin');
    const both = await accounts.heldUp(2, () =>
      Promise.allSettled([setStatus(admin.userid, 'disabled', admin), setStatus(other.userid, 'disabled', other)]),
    );
    const refused = both.find((outcome) => outcome.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: 'last_admin' });
    const [loser, last] = both[0].status === 'fulfilled' ? [admin, other] : [other, admin];
    expect(await names({ role: 'admin', status: 'active' })).toEqual([last.principal.username]);
    expect(await codeOf(setStatus(last.userid, 'disabled', last))).toBe('last_admin');
    expect(await codeOf(remove(last.userid, last))).toBe('last_admin');
    // A disabled admin is nobody's successor, and no loss.
    await remove(loser.userid, last);
    expect(await accounts.isLoggedIn(last.opened)).toBe(true);
  });
});
