import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { KnownSources } from '../../src/auth/known-sources.js';
import { LoginLimits, type LoginAttempt, type LoginKind } from '../../src/auth/login-limits.js';
import { WebFailures } from '../../src/auth/web-failures.js';
import { Problem } from '../../src/common/problem.js';
import { dataSourceOptions } from '../../src/database/data-source.js';
import { inTransaction } from '../../src/database/transaction.js';
import { Limiter } from '../../src/limits/limiter.js';
import type { LimitStore } from '../../src/limits/limit-store.js';
import { PostgresLimitStore } from '../../src/limits/postgres-limit-store.js';
import { openDataSource, STORES, type StoreUnderTest } from '../limits/limit-stores.js';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';

const MINUTE = 60_000;
const QUARTER = 900_000;

function limitsOn(store: LimitStore, dataSource: DataSource): LoginLimits {
  const failures = new WebFailures(dataSource);
  return new LoginLimits(new Limiter(store), new KnownSources(dataSource), failures, dataSource);
}

/** What a try is answered with from outside: looked at (then 401 or 403 follows), or refused, and for how long. */
async function answer(begin: () => Promise<LoginAttempt>): Promise<string> {
  try {
    await (await begin()).failed();
    return 'looked at';
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return `${error.code} ${error.options.retryAfterSeconds}`;
  }
}

describe.each(STORES)('login limits in %s', (_name, open) => {
  let world: StoreUnderTest;
  let database: TestDatabase | undefined;
  let dataSource: DataSource;
  let limits: LoginLimits;
  let otherProcess: LoginLimits;
  let known: KnownSources;
  let addresses = 0;
  let userid: string;
  let username: string;

  beforeAll(async () => {
    world = await open();
    // The limits of the Postgres store stand in the same database as the users.
    if (world.dataSource === undefined) database = await createTestDatabase();
    dataSource = world.dataSource ?? (await openDataSource(database!.url));
    limits = limitsOn(world.first, dataSource);
    otherProcess = limitsOn(world.second, dataSource);
    known = new KnownSources(dataSource);
  });
  beforeEach(async () => {
    await world.reset();
    ({ userid, username } = await newUser());
  });
  afterAll(async () => {
    if (database !== undefined) {
      await dataSource.destroy();
      await database.drop();
    }
    await world.close();
  });

  async function newUser(): Promise<{ userid: string; username: string }> {
    const id = randomUUID();
    const name = `u${id.slice(0, 8)}`;
    await dataSource.query('INSERT INTO users (userid, username) VALUES ($1, $2)', [id, name]);
    return { userid: id, username: name };
  }

  /** An address that nobody has used, so that no limit of a source stands in the way. */
  function anywhere(): string {
    addresses += 1;
    return `10.0.${addresses >> 8}.${addresses & 255}`;
  }

  function begin(kind: LoginKind, address = anywhere(), on = limits, since = performance.now()): Promise<LoginAttempt> {
    return on.begin(kind, { userid, username, isApp: false, address, since });
  }

  function beginUnknown(name: string, address = anywhere(), since = performance.now()): Promise<LoginAttempt> {
    return limits.begin('web', { userid: null, username: name, isApp: false, address, since });
  }

  /** One after the other, all of which came at `since`: none outlives a wait that those before it started. */
  async function wrong(kind: LoginKind, count = 1, address?: string, since = performance.now()): Promise<string[]> {
    const answers: string[] = [];
    for (let i = 0; i < count; i += 1) answers.push(await answer(() => begin(kind, address, limits, since)));
    return answers;
  }

  async function webFailures(): Promise<number> {
    const [row]: { web_failures: number }[] = await dataSource.query(
      'SELECT web_failures FROM users WHERE userid = $1',
      [userid],
    );
    return row!.web_failures;
  }

  async function setWebFailures(count: number): Promise<void> {
    await dataSource.query('UPDATE users SET web_failures = $2 WHERE userid = $1', [userid, count]);
  }

  const looks = (count: number) => Array<string>(count).fill('looked at');
  const refused = expect.stringMatching(/^rate_limited \d+$/) as unknown as string;

  describe('of a source', () => {
    it('stop the 11th wrong apitoken in a minute and no right one', async () => {
      const address = anywhere();
      for (let i = 0; i < 10; i += 1) await limits.wrongApitoken(address);
      await expect(limits.wrongApitoken(address)).rejects.toMatchObject({ code: 'rate_limited' });
      await (await begin('token', address)).succeeded();
      await limits.wrongApitoken(anywhere());
      await world.age(MINUTE);
      await limits.wrongApitoken(address);
    });

    it('let 10 wrong web passwords through a minute, whoever they are for', async () => {
      const address = anywhere();
      const names = Array.from({ length: 11 }, (_, i) => `nobody${i}`);
      const answers: string[] = [];
      for (const name of names) answers.push(await answer(() => beginUnknown(name, address)));
      expect(answers).toEqual([...looks(10), refused]);
      expect(await wrong('web', 1, address)).toEqual([refused]);
    });

    it('let 30 web logins through a minute', async () => {
      const address = anywhere();
      const users = await Promise.all([newUser(), newUser()]);
      for (let i = 0; i < 30; i += 1) {
        await (
          await limits.begin('web', { ...users[i % 2]!, isApp: false, address, since: performance.now() })
        ).succeeded();
      }
      expect(await wrong('web', 1, address)).toEqual([refused]);
      expect(await wrong('web', 1)).toEqual(looks(1));
      await world.age(MINUTE);
      expect(await wrong('web', 1, address)).toEqual(looks(1));
    });

    it('count nothing for a try that another limit refused', async () => {
      const address = anywhere();
      await wrong('web', 6);
      await wrong('web', 20, address);
      for (let i = 0; i < 10; i += 1) {
        expect(await answer(() => beginUnknown(`nobody${i}`, address))).toBe('looked at');
      }
    });

    it('let 10 reset codes through an hour', async () => {
      const address = anywhere();
      for (let i = 0; i < 10; i += 1) await limits.resetCodes(address);
      await expect(limits.resetCodes(address)).rejects.toMatchObject({ code: 'rate_limited' });
      await limits.resetCodes(anywhere());
    });

    it('let 10 logins of app accounts through a minute, right or wrong', async () => {
      const address = anywhere();
      const app = (from = address) =>
        limits.begin('token', { userid, username, isApp: true, address: from, since: performance.now() });
      for (let i = 0; i < 9; i += 1) await (i % 2 ? (await app()).succeeded() : (await app()).failed());
      await (await app()).abandoned();
      expect(await answer(app)).toBe('looked at');
      expect(await answer(app)).toEqual(refused);
      expect(await answer(() => app(anywhere()))).toBe('looked at');
    });

    it('do not let a missing address pass', async () => {
      await expect(
        limits.begin('web', { userid, username, isApp: false, address: undefined, since: performance.now() }),
      ).rejects.toMatchObject({
        code: 'unavailable',
      });
      await expect(limits.wrongApitoken(undefined)).rejects.toMatchObject({ code: 'unavailable' });
    });
  });

  it('never make an app account wait, however many passwords were wrong', async () => {
    for (let i = 0; i < 60; i += 1) {
      const who = { userid, username, isApp: true, address: anywhere(), since: performance.now() };
      expect(await answer(() => limits.begin('token', who))).toBe('looked at');
    }
  });

  describe.each(['token', 'web'] as const)('in the %s kind', (kind) => {
    it('make wrong passwords wait from the 6th on, from wherever they come', async () => {
      expect(await wrong(kind, 7)).toEqual([...looks(6), 'rate_limited 1']);
      await world.age(1000);
      const before = performance.now();
      expect(await wrong(kind, 1)).toEqual(looks(1));
      await world.age(1000);
      expect(await wrong(kind, 1, undefined, before)).toEqual(['rate_limited 1']);
    });

    it('look at 6 of 200 tries at once, through two processes', async () => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, i) => answer(() => begin(kind, anywhere(), i % 2 ? limits : otherProcess))),
      );
      expect(answers.filter((one) => one === 'looked at')).toHaveLength(6);
      expect(answers.filter((one) => one !== 'looked at')).toEqual(Array<string>(194).fill(refused));
    });

    it('forget the waits when the password was right', async () => {
      await wrong(kind, 5);
      await (await begin(kind)).succeeded();
      expect(await wrong(kind, 7)).toEqual([...looks(6), refused]);
    });

    it('give back what did not happen', async () => {
      await wrong(kind, 5);
      for (let i = 0; i < 10; i += 1) await (await begin(kind)).abandoned();
      expect(await wrong(kind, 2)).toEqual([...looks(1), refused]);
    });

    it('count no hash that never ran, as of a client that has hung up', async () => {
      for (let i = 0; i < 45; i += 1) await (await begin(kind)).abandoned();
      expect(await wrong(kind)).toEqual(looks(1));
    });

    it('let one account be hashed 30 times in 10 minutes, right or not', async () => {
      for (let i = 0; i < 30; i += 1) await (await begin(kind)).succeeded();
      expect(await wrong(kind)).toEqual([refused]);
      await world.age(10 * MINUTE);
      expect(await wrong(kind)).toEqual(looks(1));
    });

    it('leave a known source alone when strangers try, and the other way round', async () => {
      const home = anywhere();
      await (await begin(kind, home)).succeeded();
      expect(await wrong(kind, 7)).toEqual([...looks(6), refused]);

      expect(await wrong(kind, 7, home)).toEqual([...looks(6), refused]);
      await world.age(1000);
      await (await begin(kind, home)).succeeded();

      expect(await wrong(kind, 2)).toEqual([...looks(1), refused]);
    });

    it('know a source for 30 days', async () => {
      const home = anywhere();
      await (await begin(kind, home)).succeeded();
      const before = performance.now();
      await wrong(kind, 6);
      await dataSource.query(
        `UPDATE known_sources SET last_login_at = now() - interval '29 days 23 hours' WHERE userid = $1`,
        [userid],
      );
      expect(await wrong(kind, 1, home)).toEqual(looks(1));
      await dataSource.query(`UPDATE known_sources SET last_login_at = now() - interval '30 days' WHERE userid = $1`, [
        userid,
      ]);
      expect(await wrong(kind, 1, home, before)).toEqual([refused]);
    });

    it('know a whole /64, and no source of another user', async () => {
      await (await begin(kind, '2001:db8:1:2::1')).succeeded();
      expect(await known.isKnown(userid, '2001:db8:1:2:ffff::9')).toBe(true);
      expect(await known.isKnown(userid, '2001:db8:1:3::1')).toBe(false);
      expect(await known.isKnown((await newUser()).userid, '2001:db8:1:2::1')).toBe(false);
    });

    it('do not close the other kinds', async () => {
      await wrong(kind, 10);
      const others = (['token', 'web', 'own'] as const).filter((other) => other !== kind);
      for (const other of others) expect(await wrong(other, 5)).toEqual(looks(5));
    });
  });

  describe('for names that do not exist', () => {
    /** Tries a name from ever new sources, letting every wait pass, and lists what came back. */
    async function probe(start: (since: number) => Promise<LoginAttempt>): Promise<string[]> {
      await world.reset();
      const answers: string[] = [];
      let since = performance.now();
      for (let i = 0; i < 40; i += 1) {
        const said = await answer(() => start(since));
        answers.push(said);
        if (said === 'looked at') continue;
        await world.age(Number(said.split(' ')[1]) * 1000);
        since = performance.now();
      }
      return answers;
    }

    /** The same at the same try; a wait is told in seconds, of which some may have gone by on a busy machine. */
    function expectSame(answers: readonly string[], others: readonly string[]): void {
      const kinds = (all: readonly string[]) => all.map((one) => one.replace(/ \d+$/, ''));
      const waits = (all: readonly string[]) => all.map((one) => Number(/ (\d+)$/.exec(one)?.[1] ?? 0));
      expect(kinds(answers)).toEqual(kinds(others));
      const apart = waits(answers).map((wait, at) => Math.abs(wait - waits(others)[at]!));
      expect(Math.max(...apart)).toBeLessThanOrEqual(5);
    }

    it('answer the same at the same request as for names that do', async () => {
      const asUser = await probe((since) => begin('web', anywhere(), limits, since));
      expect(asUser.filter((one) => one === 'looked at').length).toBeGreaterThan(20);
      expect(asUser.filter((one) => one.startsWith('rate_limited')).length).toBeGreaterThan(10);
      expectSame(await probe((since) => beginUnknown('nobody', anywhere(), since)), asUser);
      const noName = 'no name at all \u0000 \ud800';
      expectSame(await probe((since) => beginUnknown(noName, anywhere(), since)), asUser);
      const app = (since: number) => limits.begin('web', { userid, username, isApp: true, address: anywhere(), since });
      expectSame(await probe(app), asUser);
      await setWebFailures(100);
      expectSame(await probe((since) => begin('web', anywhere(), limits, since)), asUser);
    });

    it('count the spellings of one name together', async () => {
      const since = performance.now();
      for (const name of ['Nobody', 'NOBODY', 'nobody', 'ｎｏｂｏｄｙ', 'nobodY', 'NoBody']) {
        expect(await answer(() => beginUnknown(name))).toBe('looked at');
      }
      expect(await answer(() => beginUnknown('nobody', anywhere(), since))).toEqual(refused);
      expect(await answer(() => beginUnknown('nobody2'))).toBe('looked at');
    });

    it('keep no name in the store', async () => {
      await wrong('web');
      await answer(() => beginUnknown('typed-a-password-here'));
      const keys = Object.keys(await world.lifetimes()).join();
      expect(keys).toContain('run-web:');
      expect(keys).not.toContain(username);
      expect(keys).not.toContain('typed');
    });

    it('ask the database as often as for names that do', async () => {
      const counts: number[] = [];
      await setWebFailures(100);
      for (const who of [{ userid, username }, { userid: null, username: 'nobody' }, await newUser()]) {
        let queries = 0;
        const counting = Object.create(dataSource) as DataSource;
        counting.query = (async (sql: string, parameters: unknown[]) => {
          queries += 1;
          return dataSource.query<unknown>(sql, parameters);
        }) as DataSource['query'];
        const one = limitsOn(world.first, counting);
        await (
          await one.begin('web', { ...who, isApp: false, address: anywhere(), since: performance.now() })
        ).failed();
        counts.push(queries);
      }
      expect(counts[0]).toBeGreaterThan(0);
      expect(new Set(counts).size).toBe(1);
    });

    it('write into a bounded number of rows', async () => {
      for (let i = 0; i < 300; i += 1) await new WebFailures(dataSource).reserve(nobody(`nobody${i}`));
      const rows: unknown[] = await dataSource.query(`SELECT 1 FROM limits WHERE key LIKE 'web-failures-of-nobody:%'`);
      expect(rows.length).toBeGreaterThan(100);
      expect(rows.length).toBeLessThanOrEqual(256);
    });

    const nobody = (name: string) => ({ userid: null, username: name, address: '10.1.1.1', known: false });
  });

  describe('of the hard stop', () => {
    it('turn the password off for strangers on the web after 100 in a row, and nothing else', async () => {
      const home = anywhere();
      await (await begin('web', home)).succeeded();
      await setWebFailures(99);
      const hundredth = await begin('web');
      expect(hundredth.passwordOff).toBe(false);
      await hundredth.failed();
      expect(await webFailures()).toBe(100);

      const next = await begin('web');
      expect(next.passwordOff).toBe(true);
      await next.failed();
      for (const other of [begin('token'), begin('own'), begin('web', home)]) {
        const attempt = await other;
        expect(attempt.passwordOff).toBe(false);
        await attempt.abandoned();
      }
    });

    it('stand however long nobody tries', async () => {
      await setWebFailures(100);
      await world.age(24 * 60 * MINUTE);
      expect((await begin('web')).passwordOff).toBe(true);
    });

    it('let one of two through that are the 100th at once', async () => {
      await setWebFailures(99);
      const attempts = await Promise.all([begin('web'), begin('web', anywhere(), otherProcess)]);
      expect(attempts.map((one) => one.passwordOff).toSorted()).toEqual([false, true]);
    });

    it('count in a row: a right password starts anew', async () => {
      await setWebFailures(98);
      await wrong('web');
      await (await begin('web')).succeeded();
      expect(await webFailures()).toBe(0);
    });

    it('do not count what was not looked at', async () => {
      await setWebFailures(99);
      await (await begin('web')).abandoned();
      expect(await webFailures()).toBe(99);
      expect((await begin('web')).passwordOff).toBe(false);
    });

    it('do not count in the other kinds, nor what was refused', async () => {
      await wrong('token', 8);
      await wrong('own', 8);
      expect(await webFailures()).toBe(0);
      await wrong('web', 12);
      expect(await webFailures()).toBe(6);
    });

    it('count 100 of its own for a known source', async () => {
      const home = anywhere();
      await (await begin('web', home)).succeeded();
      await wrong('web', 1, home);
      expect(await webFailures()).toBe(0);
      await dataSource.query('UPDATE known_sources SET web_failures = 99 WHERE userid = $1', [userid]);
      await wrong('web', 1, home);
      expect((await begin('web', home)).passwordOff).toBe(true);
      expect((await begin('web')).passwordOff).toBe(false);
    });

    it('count in a row for a known source, too', async () => {
      const home = anywhere();
      await (await begin('web', home)).succeeded();
      await dataSource.query('UPDATE known_sources SET web_failures = 99 WHERE userid = $1', [userid]);
      await (await begin('web', home)).succeeded();
      await wrong('web', 2, home);
      expect((await begin('web', home)).passwordOff).toBe(false);
    });

    it('never count for an app account, which cannot enter here', async () => {
      await answer(() =>
        limits.begin('web', { userid, username, isApp: true, address: anywhere(), since: performance.now() }),
      );
      expect(await webFailures()).toBe(0);
    });

    it.each(['stranger', 'known source'])('end at a right login in token mode (%s)', async (who) => {
      const home = anywhere();
      await (await begin('token', home)).succeeded();
      await setWebFailures(100);
      await dataSource.query('UPDATE known_sources SET web_failures = 100 WHERE userid = $1', [userid]);
      await (await begin('token', who === 'stranger' ? anywhere() : home)).succeeded();
      for (const attempt of [await begin('web'), await begin('web', home)]) expect(attempt.passwordOff).toBe(false);
    });

    it('are not ended by the right password of a known source', async () => {
      const home = anywhere();
      await (await begin('web', home)).succeeded();
      await setWebFailures(100);
      await (await begin('web', home)).succeeded();
      expect((await begin('web')).passwordOff).toBe(true);
    });

    it('refuse a success while the password is off', async () => {
      await setWebFailures(100);
      await expect((await begin('web')).succeeded()).rejects.toThrow('the password is off');
    });
  });

  describe('after a new password', () => {
    it('end every wait and the hard stop, once the transaction is committed', async () => {
      const home = anywhere();
      await (await begin('web', home)).succeeded();
      await wrong('web', 7);
      await wrong('token', 7);
      await wrong('own', 6);
      await setWebFailures(100);
      await inTransaction(dataSource, async (tx) => {
        await limits.clearLockouts(userid, tx);
        await known.forgetAll(userid, tx);
      });
      expect(await webFailures()).toBe(0);
      expect(await known.isKnown(userid, home)).toBe(false);
      for (const kind of ['web', 'token', 'own'] as const) expect(await wrong(kind)).toEqual(looks(1));
    });

    it('leave other users as they are', async () => {
      const home = anywhere();
      await (await begin('web', home)).succeeded();
      await setWebFailures(100);
      await limits.clearLockouts((await newUser()).userid);
      await known.forgetAll((await newUser()).userid);
      expect(await webFailures()).toBe(100);
      expect(await known.isKnown(userid, home)).toBe(true);
    });

    it('forget the own waits of a source that becomes known again', async () => {
      const home = anywhere();
      await (await begin('web', home)).succeeded();
      await wrong('web', 7, home);
      await known.forgetAll(userid);
      await limits.clearLockouts(userid);
      await (await begin('web', home)).succeeded();
      expect(await wrong('web', 4, home)).toEqual(looks(4));
    });
  });

  describe('of re-authentication and password change', () => {
    it('let 5 failures through in 10 minutes; a right one clears them', async () => {
      expect(await wrong('own', 4)).toEqual(looks(4));
      await (await begin('own')).succeeded();
      await (await begin('own')).abandoned();
      expect(await wrong('own', 6)).toEqual([...looks(5), 'rate_limited 600']);
      await world.age(10 * MINUTE);
      expect(await wrong('own', 1)).toEqual(looks(1));
    });

    it('look at 5 of 200 at once', async () => {
      const answers = await Promise.all(Array.from({ length: 200 }, () => answer(() => begin('own'))));
      expect(answers.filter((one) => one === 'looked at')).toHaveLength(5);
    });

    it('let the password be hashed 30 times in 10 minutes', async () => {
      for (let i = 0; i < 30; i += 1) await (await begin('own')).succeeded();
      expect(await wrong('own')).toEqual([refused]);
      expect(await wrong('token')).toEqual(looks(1));
    });
  });

  it('settle an attempt once', async () => {
    const attempt = await begin('web');
    await attempt.failed();
    await expect(attempt.succeeded()).rejects.toThrow('settled already');
    await expect(attempt.abandoned()).rejects.toThrow('settled already');
    expect(await webFailures()).toBe(1);
  });

  it('keep every key within its time', async () => {
    await wrong('web', 7);
    await wrong('token', 7);
    await wrong('own', 7);
    await limits.wrongApitoken(anywhere());
    for (const left of Object.values(await world.lifetimes())) {
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(2 * QUARTER);
    }
  });
});

it('clears lockouts inside a transaction that has the only connection', async () => {
  const database = await createTestDatabase();
  const dataSource = await new DataSource(dataSourceOptions(database.url, 1)).initialize();
  const userid = randomUUID();
  await dataSource.query(`INSERT INTO users (userid, username, web_failures) VALUES ($1, 'somebody', 100)`, [userid]);
  const limits = limitsOn(new PostgresLimitStore(dataSource), dataSource);
  const who = { userid, username: 'somebody', isApp: false, address: '10.0.0.1', since: performance.now() };
  for (let i = 0; i < 6; i += 1) await answer(() => limits.begin('token', who));
  await expect(
    inTransaction(dataSource, async (tx) => {
      await limits.clearLockouts(userid, tx);
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect(await answer(() => limits.begin('token', who))).toMatch(/^rate_limited/);
  await inTransaction(dataSource, (tx) => limits.clearLockouts(userid, tx));
  expect(await answer(() => limits.begin('token', who))).toBe('looked at');
  await dataSource.destroy();
  await database.drop();
});
