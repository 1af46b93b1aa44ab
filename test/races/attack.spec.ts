import { setTimeout as wait } from 'node:timers/promises';
import { formatToken, makeToken, parseToken } from '../../src/common/secret-token.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import type { TestApp } from '../support/app.js';
import { eventually } from '../support/barrier.js';
import { api, appLogin, expectStatus, newSource, type Reply, type TokenLogin, type User } from '../support/client.js';
import { FIRST_APP, type Account } from '../support/first-accounts.js';
import { Fleet, tally } from './fleet.js';
import { Phone } from './phone.js';
import { expectSameBytes } from './same-bytes.js';

/** Some ms of a thread each: the queues fill. */
const ROUNDS = '5000';
const WRONG = 'not the password of anybody';
const SIGNUPS_PER_DAY = 8;
/** Of those that may wait in one lane of a process with one thread (contract). */
const LANE = 8;

let fleet: Fleet;

const hashers = () => fleet.both.map((app) => app.get(PasswordHasher));
/** PBKDF2 runs so far, of both processes. */
const hashes = () => hashers().reduce((sum, hasher) => sum + hasher.calls.started, 0);
/** The one process and the other, by turns. */
const url = (at: number) => fleet.both[at % 2]!.url;

function signIn(to: string, { username, password, apitoken }: Account, source = newSource()) {
  return api(to, source).post<TokenLogin>('/v1/auth/login', { username, password, apitoken });
}

function many<T>(count: number, one: (at: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, at) => one(at)));
}

function answers(replies: readonly Reply<unknown>[]): Record<string, number> {
  return tally(replies.map(({ status, code }) => (code === null ? status : `${status} ${code}`)));
}

/** A session of the first app account, past the limits of logins. */
async function appSession(): Promise<TokenLogin> {
  const sql = 'SELECT userid FROM users WHERE username = $1';
  const [app] = await fleet.one.db.query<{ userid: string }[]>(sql, [FIRST_APP.username]);
  return fleet.session(fleet.one, { userid: app!.userid, apitoken: FIRST_APP.apitoken }, true);
}

describe('with sessions in redis', () => {
  beforeAll(async () => {
    const env = { PASSWORD_ITERATIONS: ROUNDS, SIGNUP_PER_SOURCE_PER_DAY: String(SIGNUPS_PER_DAY) };
    fleet = await Fleet.start({ store: 'redis', env });
  });
  afterAll(() => fleet?.close());

  describe('the app credential in the hands of an attacker', () => {
    /**
     * What somebody can do with it against the others, all at once, and two phones in the middle of it: each request is
     * on its way before the first is answered.
     */
    function attack(as: TokenLogin, phones: readonly Phone[], names: readonly string[]) {
      const few = Array.from({ length: 30 }, () => newSource());
      const one = newSource();
      const wrong = { ...FIRST_APP, password: WRONG };
      const atOnce = many(500, (at) => signIn(url(at), wrong));
      const signedUp = many(phones.length, (at) => phones[at]!.signUp(names[at]!));
      const fromFew = many(300, (at) => signIn(url(at), wrong, few[at % few.length]));
      const leaks = many(12, (at) => api(url(at)).get(`/v1/users/me?apitoken=${FIRST_APP.apitoken}`));
      const signups = many(12, (at) => {
        const body = { username: `flood-${makeToken().id.slice(0, 8)}`, password: `flooded ${at} garden swing` };
        return api(url(at), one).post('/v1/users', body, { as });
      });
      return Promise.all([atOnce, fromFew, leaks, signups, signedUp]);
    }

    it.each([
      { state: 'that nobody has logged in with yet', cold: true },
      { state: 'whose password both processes remember', cold: false },
    ])('leaves phones elsewhere able to sign their users up with one $state', async ({ cold }) => {
      if (!cold) for (const app of fleet.both) await appLogin(app.url);
      const as = await appSession();
      const before = hashes();
      const phones = fleet.both.map((app) => new Phone(app.url));
      const names = phones.map((_, at) => `phone-${cold ? 'cold' : 'warm'}-${at}`);
      const [atOnce, fromFew, leaks, signups] = await attack(as, phones, names);
      const spent = hashes() - before;
      const wrong = answers([...atOnce, ...fromFew]);
      const tries = phones.map((phone) => phone.tries);
      say(`app credential, ${cold ? 'cold' : 'warm'}`, { tries, wrong, spent });

      expect(Object.keys(wrong).filter((answer) => !/^(401 invalid_credentials|503)/.test(answer))).toEqual([]);
      expect(answers(leaks)).toEqual({ '400 credentials_in_url': 12 });
      expect(answers(signups)).toEqual({ 201: SIGNUPS_PER_DAY, '429 rate_limited': 12 - SIGNUPS_PER_DAY });
      expect(await revoked()).toEqual({ false: cold ? 12 : 24 });
      if (cold) return;
      // Nobody's wrong password for the app account cost one: all are of the sign-ups, and of the phones' users, who
      // try again where a slow machine has not answered within 5 s.
      const hashed = tries.flatMap(([, signUp, login]) => [signUp!, login!]);
      expect(wrong['401 invalid_credentials']).toBeGreaterThan(0);
      expect(wrong['503 overloaded']).toBeUndefined();
      expect(spent).toBeGreaterThanOrEqual(SIGNUPS_PER_DAY + 2 * phones.length);
      expect(spent).toBeLessThanOrEqual(SIGNUPS_PER_DAY + hashed.reduce((sum, each) => sum + each, 0));
    });

    /** Of how many apitokens that stood in a URL it is on record that they were revoked. */
    async function revoked(): Promise<Record<string, number>> {
      const sql = `SELECT detail->>'revoked' AS revoked FROM audit WHERE action = 'apitoken.leaked'`;
      return tally((await fleet.one.db.query<{ revoked: string }[]>(sql)).map(({ revoked }) => revoked));
    }

    it('neither sheds a login with a right apitoken nor keeps it waiting: the second lane yields to the first', async () => {
      const user = await fleet.user();
      const as = await appSession();
      const flood: Reply<unknown>[] = [];
      let over = false;
      const attackers = many(3 * LANE, async (at) => {
        while (!over) {
          // As long as they are of different names and from different sources, nothing but the lane stops these.
          const body = { username: `nobody-${makeToken().id.slice(0, 8)}`, password: WRONG, name: 'mine' };
          const reply = await api(url(at)).post('/v1/apitokens', body, { as });
          flood.push(reply);
          // Hashing has the lowest priority: attackers who are sent away must leave it something of a busy core.
          if (reply.status === 503) await wait(20);
        }
      });
      const before = hashes();
      const waits = fleet.both.map((app) => watchFirstLane(app));
      const replies: Reply<unknown>[] = [];
      for (let at = 0; at < 12; at += 1) replies.push(await signIn(url(at), user));
      over = true;
      await attackers;
      const seen = waits.flatMap((stop) => stop());
      const longest = Math.max(...seen.map(({ ahead }) => ahead));
      const fullest = Math.max(...seen.map(({ second }) => second));
      say('right logins in a flood', {
        hashesAhead: tally(seen.map(({ ahead }) => ahead)),
        fullest,
        flood: answers(flood),
      });

      expect(answers(replies)).toEqual({ 200: 12 });
      expect(seen).toHaveLength(12);
      expect(longest).toBeLessThanOrEqual(4);
      // It was a flood: the lane was full while they came, and the attackers were sent away from it.
      expect(fullest).toBe(LANE);
      expect(answers(flood)['503 overloaded']).toBeGreaterThan(0);
      expect(hashes() - before).toBeGreaterThan(12);
    });

    /** Notes of every hash of the first kind how many others were done while it waited, and how many stood beside it. */
    function watchFirstLane(app: TestApp): () => { ahead: number; second: number }[] {
      const hasher = app.get(PasswordHasher);
      const seen: { ahead: number; second: number }[] = [];
      const { verify } = hasher;
      hasher.verify = async (...args) => {
        const [second, done] = [hasher.waiting('second'), hasher.calls.finished];
        const result = await verify.apply(hasher, args);
        if (args[2].lane === 'first') seen.push({ second, ahead: hasher.calls.finished - done - 1 });
        return result;
      };
      return () => {
        hasher.verify = verify;
        return seen;
      };
    }
  });

  wrongLogins();
});

describe('with sessions in postgres', () => {
  beforeAll(async () => {
    fleet = await Fleet.start({ store: 'postgres', env: { PASSWORD_ITERATIONS: ROUNDS } });
  });
  afterAll(() => fleet?.close());

  wrongLogins();
});

function wrongLogins(): void {
  describe('a login that is wrong', () => {
    it('costs no hash where the apitoken is: 300 of them, and the same source still lets a right one in', async () => {
      const [user, other] = [await fleet.user(), await fleet.user()];
      const never = () => formatToken('apt', makeToken());
      const { id } = parseToken('apt', user.apitoken)!;
      const kinds: (() => Account)[] = [
        () => ({ ...user, username: 'nobody-of-that-name', apitoken: never() }),
        () => ({ ...user, username: 'nobody-of-that-name' }),
        () => ({ ...user, apitoken: never() }),
        () => ({ ...user, apitoken: formatToken('apt', { ...makeToken(), id }) }),
        () => ({ ...user, apitoken: other.apitoken }),
        () => ({ ...user, apitoken: 'no token at all' }),
      ];
      const sources = Array.from({ length: 30 }, () => newSource());
      const before = hashes();
      const replies: Reply<unknown>[] = [];
      for (let round = 0; round < 10; round += 1) {
        const kind = (at: number) => kinds[(at + round) % kinds.length]!();
        replies.push(...(await many(30, (at) => signIn(url(at + round), kind(at), sources[at]))));
      }
      expect(answers(replies)).toEqual({ '401 invalid_credentials': 300 });
      const more = await many(30, (at) => signIn(url(at), kinds[2]!(), sources[at]));
      expect(answers(more)).toEqual({ '429 rate_limited': 30 });
      expect(hashes() - before).toBe(0);
      expect((await signIn(fleet.one.url, user, sources[0])).status).toBe(200);
      expect(hashes() - before).toBe(1);
    });

    it('lets at most 6 of 200 wrong passwords at once be hashed, and not shut out a place it knows', async () => {
      const user = await fleet.user();
      const home = newSource();
      expectStatus(await signIn(fleet.one.url, user, home), 200);
      const before = hashes();
      const began = performance.now();
      const replies = await many(200, (at) => signIn(url(at), { ...user, password: WRONG }));
      const seconds = (performance.now() - began) / 1000;
      const hashed = hashes() - before;
      say(`200 wrong passwords, ${fleet.one.config.sessionStore}`, { hashed, seconds, answers: answers(replies) });
      expect(hashed).toBeGreaterThan(0);
      // The 6th starts a wait of 1 s, the next one of 2 s: on a slow machine some have come after it.
      expect(hashed).toBeLessThanOrEqual(6 + Math.floor(Math.log2(seconds + 1)));
      expect(answers(replies)['401 invalid_credentials']).toBe(hashed);
      expect(Object.keys(answers(replies)).filter((answer) => !/^(401|429|503)/.test(answer))).toEqual([]);
      expect((await signIn(fleet.two.url, user, home)).status).toBe(200);
      // Another wrong one after each wait begins a longer one, until it cannot be over before the next call.
      await eventually(async () => {
        const { code, headers } = await signIn(fleet.one.url, { ...user, password: WRONG });
        return code === 'rate_limited' && Number(headers['retry-after']) > 2;
      });
      expect((await signIn(fleet.two.url, user)).code).toBe('rate_limited');
    });

    describe('looks the same, byte for byte, whatever was wrong', () => {
      const accounts = {} as Record<'active' | 'disabled' | 'deleted' | 'off' | 'expired', User>;

      beforeAll(async () => {
        for (const name of ['active', 'disabled', 'deleted', 'off', 'expired'] as const)
          accounts[name] = await fleet.user();
        const as = await fleet.adminSession(fleet.one);
        const path = (user: User) => `/v1/users/${user.userid}`;
        expectStatus(await api(fleet.one.url).patch(path(accounts.disabled), { status: 'disabled' }, { as }), 200);
        expectStatus(await api(fleet.one.url).delete(path(accounts.deleted), { as }), 204);
        const { db } = fleet.one;
        await db.query('UPDATE users SET web_failures = 100 WHERE userid = $1', [accounts.off.userid]);
        const expire = `UPDATE apitokens SET expires_at = now() - interval '1 minute' WHERE userid = $1`;
        await db.query(expire, [accounts.expired.userid]);
      });

      it('at POST /v1/auth/login', async () => {
        const { active, disabled, deleted, off, expired } = accounts;
        const wrong: Record<string, Account> = {
          'unknown user': { ...active, username: 'nobody-of-that-name' },
          'no username': { ...active, username: '!' },
          'wrong apitoken': { ...active, apitoken: formatToken('apt', makeToken()) },
          'no apitoken': { ...active, apitoken: '' },
          "another's apitoken": { ...active, apitoken: off.apitoken },
          'expired apitoken': expired,
          'wrong password': { ...active, password: WRONG },
          'wrong password, disabled': { ...disabled, password: WRONG },
          'wrong password, off on the web': { ...off, password: WRONG },
          "wrong password, an app's": { ...FIRST_APP, password: WRONG },
          disabled,
          deleted,
        };
        await expectSameBytes(fleet, '/v1/auth/login', wrong, ({ username, password, apitoken }) => {
          return { username, password, apitoken };
        });
      });

      it('at POST /v1/apitokens', async () => {
        const { active, disabled, deleted, off } = accounts;
        const wrong: Record<string, Account> = {
          'unknown user': { ...active, username: 'nobody-of-that-name' },
          'no username': { ...active, username: '!' },
          'wrong password': { ...active, password: WRONG },
          'right password, off': off,
          "right password, an app's": FIRST_APP,
          disabled,
          deleted,
        };
        const { userid, accesstoken } = await appSession();
        const headers = [`X-User-Id: ${userid}`, `Authorization: Bearer ${accesstoken}`];
        const body = ({ username, password }: Account) => ({ username, password, name: 'second phone' });
        await expectSameBytes(fleet, '/v1/apitokens', wrong, body, headers);
      });
    });
  });
}

/** The run says how many of each there were. */
function say(what: string, figures: object): void {
  process.stdout.write(`${what}: ${JSON.stringify(figures)}\n`);
}
