import { ApitokensService } from '../../src/apitokens/apitokens.service.js';
import { OwnPasswordService } from '../../src/auth/own-password.service.js';
import { AuthorityService } from '../../src/authority/authority.service.js';
import { parsePhc } from '../../src/passwords/phc.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { hold } from '../support/barrier.js';
import { api, expectStatus, login, type Reply, type TokenLogin, type User } from '../support/client.js';
import { Fleet, meet, tally } from './fleet.js';

/** The tests of passwords need two costs: process one hashes at this one, process two at the one that all start with. */
const NEW_ROUNDS = 1500;
const NEW_PASSWORD = 'marbles under quiet stairs';

let fleet: Fleet;

describe.each(['redis', 'postgres'] as const)('with sessions in %s', (store) => {
  beforeAll(async () => {
    const env = { HASH_QUEUE: '128', PASSWORD_ITERATIONS: String(NEW_ROUNDS) };
    fleet = await Fleet.start({ store, env, secondEnv: { PASSWORD_ITERATIONS: '1000' } });
  });
  afterAll(() => fleet?.close());

  describe('sign-ups of one name', () => {
    it('makes one of 100 that an admin sends at once, past the look-up, to two processes', async () => {
      const sessions = [await fleet.adminSession(fleet.one), await fleet.adminSession(fleet.two)];
      const names = spellings('wanted.name', 100);
      const hashers = fleet.both.map((app) => app.get(PasswordHasher));
      const before = hashers.map((hasher) => hasher.calls.started);
      // Nobody goes on before everybody's password is hashed: all have found the name free.
      const meeting = meet(hashers, 'hash', 'after', names.length);
      const replies = await Promise.all(
        names.map(async (username, at) => {
          const body = { username, password: `garden number ${at} swing` };
          const reply = await api(fleet.both[at % 2]!.url).post<Partial<User>>('/v1/users', body, {
            as: sessions[at % 2]!,
          });
          // Whoever is sent away before that keeps the others waiting no longer.
          meeting.release();
          return reply;
        }),
      );
      meeting.restore();
      expect(tally(replies.map(({ status, code }) => `${status} ${code ?? ''}`))).toEqual({
        '201 ': 1,
        '409 username_taken': 99,
      });
      expect(hashers.map((hasher, at) => hasher.calls.started - before[at]!)).toEqual([50, 50]);

      const winner = replies.findIndex(({ status }) => status === 201);
      const made = replies[winner]!.body;
      const rows: unknown[] = await fleet.one.db.query(
        `SELECT u.userid, u.username, (SELECT count(*)::integer FROM apitokens) AS apitokens,
         (SELECT count(*)::integer FROM audit WHERE action = 'user.created' AND target = u.userid) AS audited
       FROM users u WHERE username LIKE 'wanted%'`,
      );
      // Beside the two that the first accounts have.
      expect(rows).toEqual([{ userid: made.userid, username: 'wanted.name', apitokens: 3, audited: 1 }]);
      const password = `garden number ${winner} swing`;
      await login(fleet.two.url, { username: 'wanted.name', password, apitoken: made.apitoken! });
    });

    /** `count` spellings that fold to one name: letters in upper case, or full width. */
    function spellings(name: string, count: number): string[] {
      return Array.from({ length: count }, (_, variant) =>
        [...name]
          .map((letter, at) => {
            if (!/[a-z]/.test(letter) || ((variant >> at) & 1) === 0) return letter;
            return variant % 3 === 0 ? String.fromCodePoint(letter.codePointAt(0)! + 0xfee0) : letter.toUpperCase();
          })
          .join(''),
      );
    }
  });

  describe('passwords', () => {
    /** An account whose password was hashed with fewer rounds than process one takes now. */
    async function outdatedUser(): Promise<User> {
      const user = await fleet.user();
      const hash = await fleet.two.get(PasswordHasher).hash(user.password, { lane: 'first' });
      await fleet.one.db.query('UPDATE users SET password_hash = $1 WHERE userid = $2', [hash, user.userid]);
      return user;
    }

    async function stored(user: User): Promise<string> {
      const sql = 'SELECT password_hash FROM users WHERE userid = $1';
      const [row] = await fleet.one.db.query<{ password_hash: string }[]>(sql, [user.userid]);
      return row!.password_hash;
    }

    function rounds(hash: string): number {
      const phc = parsePhc(hash, 1);
      if (typeof phc === 'string') throw new Error(phc);
      return phc.iterations;
    }

    async function resetCode({ userid }: User): Promise<string> {
      const reply = await api(fleet.two.url).post<{ code: string }>(`/v1/users/${userid}/password-reset`, undefined, {
        as: await fleet.adminSession(fleet.two),
      });
      return expectStatus(reply, 201).code;
    }

    const signIn = (url: string, { username, apitoken }: User, password: string) =>
      api(url).post<TokenLogin>('/v1/auth/login', { username, password, apitoken });

    it('a login hashes anew where the rounds are old', async () => {
      const user = await outdatedUser();
      expect(rounds(await stored(user))).toBe(1000);
      await login(fleet.one.url, user);
      expect(rounds(await stored(user))).toBe(NEW_ROUNDS);
      await login(fleet.one.url, user);
    });

    const CHANGES = [
      {
        what: 'a reset',
        change: async (user: User) => {
          const body = { username: user.username, code: await resetCode(user), newPassword: NEW_PASSWORD };
          expectStatus(await api(fleet.two.url).post('/v1/auth/password-reset', body), 204);
        },
      },
      {
        what: 'a password change',
        change: async (user: User) => {
          const body = { currentPassword: user.password, newPassword: NEW_PASSWORD };
          const as = await fleet.session(fleet.two, user);
          expectStatus(await api(fleet.two.url).post('/v1/users/me/password', body, { as }), 200);
        },
      },
    ];

    it.each(CHANGES)(
      'the new hash of the old password does not overwrite $what that came between',
      async ({ change }) => {
        const user = await outdatedUser();
        const rehash = hold(fleet.one.get(PasswordHasher), 'hash', 'after');
        const late = signIn(fleet.one.url, user, user.password);
        await rehash.reached;
        await change(user);
        const changed = await stored(user);
        rehash.release();
        const answered = await late;
        expect(await stored(user)).toBe(changed);
        for (const { url } of fleet.both) {
          if (answered.status === 200) {
            expect((await api(url).get('/v1/users/me', { as: answered.body })).status).toBe(401);
          }
          expect((await signIn(url, user, user.password)).status).toBe(401);
          expect((await signIn(url, user, NEW_PASSWORD)).status).toBe(200);
        }
      },
    );

    it.each(CHANGES)('a login with the old password makes no source known after $what', async ({ change }) => {
      const user = await outdatedUser();
      const proof = hold(fleet.one.get(PasswordHasher), 'verify', 'after');
      const late = signIn(fleet.one.url, user, user.password);
      await proof.reached;
      await change(user);
      proof.release();
      await late;
      const sources: unknown[] = await fleet.one.db.query('SELECT source FROM known_sources WHERE userid = $1', [
        user.userid,
      ]);
      expect(sources).toEqual([]);
    });

    it('a wrong one that came before a wait began is not looked at when the wait is over', async () => {
      const user = await fleet.user();
      const wrong = () => signIn(fleet.one.url, user, 'not the password of anybody');
      for (let tries = 0; tries < 5; tries += 1) expect((await wrong()).code).toBe('invalid_credentials');
      const lookUp = hold(fleet.one.get(ApitokensService), 'findForLogin', 'before');
      const late = wrong();
      await lookUp.reached;
      expect((await wrong()).code).toBe('invalid_credentials');
      // The wait of the 6th: 1 s.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      lookUp.release();
      expect((await late).code).toBe('rate_limited');
      expect((await signIn(fleet.two.url, user, user.password)).status).toBe(200);
    });

    it('20 at once with one reset code set one password', async () => {
      const user = await outdatedUser();
      const code = await resetCode(user);
      // All have found the code good before anybody uses it up.
      const services = fleet.both.map((app) => app.get(OwnPasswordService));
      const meeting = meet(services, 'ownerOfCode' as never, 'after', 20);
      const passwords = Array.from({ length: 20 }, (_, at) => `garden number ${at} swing`);
      const replies = await Promise.all(
        passwords.map((newPassword, at) => {
          const body = { username: user.username, code, newPassword };
          return api(fleet.both[at % 2]!.url).post('/v1/auth/password-reset', body);
        }),
      );
      meeting.restore();
      const { 204: set, 401: wrong = 0, 503: shed = 0, ...others } = tally(replies.map(({ status }) => status));
      expect(others).toEqual({});
      expect(set).toBe(1);
      // One hash runs and two wait in each process (docs/security.md, Limits): more than one has come as far as the code.
      expect(wrong).toBeGreaterThan(0);
      expect(wrong + shed).toBe(19);
      const winner = replies.findIndex(({ status }) => status === 204);
      expect((await signIn(fleet.one.url, user, passwords[winner]!)).status).toBe(200);
      const again = { username: user.username, code, newPassword: NEW_PASSWORD };
      expect((await api(fleet.two.url).post('/v1/auth/password-reset', again)).code).toBe('invalid_credentials');
    });
  });

  describe('the last admin', () => {
    type Attack = (url: string, as: TokenLogin, own: string, other: string) => Promise<Reply<unknown>>;
    const ATTACKS: Readonly<Record<string, Attack>> = {
      demotes: (url, as, _own, other) => api(url).delete(`/v1/users/${other}/roles/admin`, { as }),
      disables: (url, as, _own, other) => api(url).patch(`/v1/users/${other}`, { status: 'disabled' }, { as }),
      deletes: (url, as, _own, other) => api(url).delete(`/v1/users/${other}`, { as }),
      leaves: (url, as) => api(url).delete('/v1/users/me', { as }),
      resigns: (url, as, own) => api(url).delete(`/v1/users/${own}/roles/admin`, { as }),
    };
    const PAIRS = Object.keys(ATTACKS).flatMap((first) =>
      Object.keys(ATTACKS).map((second) => [first, second] as const),
    );

    it('is left, whatever the last two do to each other at the same moment, 50 times', async () => {
      const statuses: string[] = [];
      const left: number[] = [];
      const authorities = fleet.both.map((app) => app.get(AuthorityService));
      for (const [first, second] of [...PAIRS, ...PAIRS]) {
        await fleet.one.db.query(`DELETE FROM user_roles WHERE role = 'admin'`);
        const [a, b] = [await fleet.user('admin'), await fleet.user('admin')];
        const sessions = [await fleet.session(fleet.one, a), await fleet.session(fleet.two, b)] as const;
        // Both are past every check when the first one begins.
        const meeting = meet(authorities, 'change', 'before', 2);
        const replies = await Promise.all([
          ATTACKS[first]!(fleet.one.url, sessions[0], a.userid, b.userid),
          ATTACKS[second]!(fleet.two.url, sessions[1], b.userid, a.userid),
        ]);
        meeting.restore();
        const [row] = await fleet.one.db.query<{ left: number }[]>(
          `SELECT count(*)::integer AS left FROM users u JOIN user_roles r USING (userid)
         WHERE r.role = 'admin' AND u.status = 'active'`,
        );
        left.push(row!.left);
        statuses.push(
          replies
            .map(({ status, code }) => `${status} ${code ?? 'done'}`)
            .sort()
            .join(', '),
        );
      }
      expect(left).toHaveLength(50);
      expect(Math.min(...left)).toBe(1);
      expect(Math.max(...left)).toBe(1);
      expect(statuses.filter((both) => /50\d/.test(both))).toEqual([]);
    });
  });
});
