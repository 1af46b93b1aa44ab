import { ApitokenByPasswordService } from '../../src/auth/apitoken-by-password.service.js';
import { AuthorityService } from '../../src/authority/authority.service.js';
import { parseToken } from '../../src/common/secret-token.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { SessionStore } from '../../src/sessions/session-store.js';
import { SessionsService } from '../../src/sessions/sessions.service.js';
import type { TestApp } from '../support/app.js';
import { eventually, hold, type Barrier } from '../support/barrier.js';
import { api, expectStatus, type Reply, type TokenLogin, type User } from '../support/client.js';
import { Fleet } from './fleet.js';

/** What a held request may issue. */
interface Issued {
  readonly accesstoken?: string;
  readonly apitoken?: string;
  readonly expiresAt?: string;
  readonly absoluteExpiresAt?: string;
}

const NEW_PASSWORD = 'marbles under quiet stairs';
const OTHER_PASSWORD = 'pebbles over noisy bridges';

/** One request that is held, and what ends, through the other process, what it stands on. */
interface Race {
  /** Whose sessions or apitoken it is about. */
  readonly user: User;
  /** Whose session it is sent with: the user's, or an app account's. */
  readonly caller: User;
  readonly as: TokenLogin;
  /** The user's password when the ending begins. */
  readonly password: string;
  /** The password after it. */
  passwordAfter: string;
  /** Sessions that the ending itself needed or gave: they may live. */
  readonly known: Set<string>;
}

interface Place {
  readonly name: string;
  readonly hold: (app: TestApp) => Barrier;
  /** Its transaction is committed there: the session it was sent with is over by it. */
  readonly committed?: true;
  /** What it is answered with when it goes on after an ending. */
  readonly answer: number;
}

interface HeldRequest {
  readonly name: string;
  readonly places: readonly Place[];
  readonly byApp?: true;
  /** What it is answered with where nothing comes between. */
  readonly ok: number;
  readonly start: (url: string, race: Race) => Promise<Reply<Issued>>;
}

interface Ending {
  readonly name: string;
  readonly run: (fleet: Fleet, race: Race) => Promise<Reply<Issued>>;
}

const afterProof = (answer: number): Place => ({
  name: 'after the password was proved',
  hold: (app) => hold(app.get(PasswordHasher), 'verify', 'after'),
  answer,
});
const beforeChange: Place = {
  name: 'before its transaction',
  hold: (app) => hold(app.get(AuthorityService), 'change', 'before'),
  answer: 401,
};
const beforeSession: Place = {
  name: 'before its session is written',
  hold: (app) => hold(app.get(SessionStore), 'create', 'before'),
  answer: 200,
};

const HELD: readonly HeldRequest[] = [
  {
    name: 'a login',
    // It is answered with a session of the old epoch, or of an apitoken that is gone, which nobody honours.
    places: [afterProof(200), beforeSession],
    ok: 200,
    start: (url, { user }) => {
      const { username, password, apitoken } = user;
      return api(url).post('/v1/auth/login', { username, password, apitoken });
    },
  },
  {
    name: 'a password change',
    places: [afterProof(401), beforeChange, { ...beforeSession, committed: true }],
    ok: 200,
    start: (url, { user, as }) => {
      const body = { currentPassword: user.password, newPassword: NEW_PASSWORD };
      return api(url).post('/v1/users/me/password', body, { as });
    },
  },
  {
    name: 'a re-authentication',
    places: [
      afterProof(401),
      {
        name: 'before its transaction',
        hold: (app) => hold(app.get(AuthorityService), 'adminChange', 'before'),
        answer: 401,
      },
      {
        name: 'before the old session is taken away',
        hold: (app) => hold(app.get(SessionsService), 'remove', 'before'),
        committed: true,
        answer: 200,
      },
      { ...beforeSession, committed: true },
    ],
    ok: 200,
    start: (url, { user, as }) => api(url).post('/v1/auth/reauthenticate', { password: user.password }, { as }),
  },
  {
    name: 'DELETE /v1/sessions?keep=current',
    places: [beforeChange, { ...beforeSession, committed: true }],
    ok: 200,
    start: (url, { as }) => api(url).delete('/v1/sessions?keep=current', { as }),
  },
  {
    name: 'POST /v1/apitokens',
    places: [
      afterProof(401),
      {
        name: 'before its transaction',
        hold: (app) => hold(app.get(ApitokenByPasswordService), 'insert' as never, 'before'),
        answer: 401,
      },
    ],
    byApp: true,
    ok: 201,
    start: (url, { user, as }) => {
      const { username, password } = user;
      return api(url).post('/v1/apitokens', { username, password, name: 'second phone' }, { as });
    },
  },
];

const ENDINGS: readonly Ending[] = [
  {
    name: 'DELETE /v1/sessions by the user',
    run: async (fleet, race) => api(fleet.two.url).delete('/v1/sessions', { as: await otherDevice(fleet, race) }),
  },
  {
    name: 'DELETE /v1/users/{userid}/sessions by an admin',
    run: async (fleet, { user }) => {
      const as = await fleet.adminSession(fleet.two);
      return api(fleet.two.url).delete(`/v1/users/${user.userid}/sessions`, { as });
    },
  },
  {
    name: 'a password change',
    run: async (fleet, race) => {
      const body = { currentPassword: race.password, newPassword: OTHER_PASSWORD };
      const as = await otherDevice(fleet, race);
      const reply = await api(fleet.two.url).post<Issued>('/v1/users/me/password', body, { as });
      race.passwordAfter = OTHER_PASSWORD;
      race.known.add(sidOf(reply.body.accesstoken!));
      return reply;
    },
  },
  {
    name: 'logout of its session',
    run: (fleet, { as }) => api(fleet.two.url).post('/v1/auth/logout', undefined, { as }),
  },
  {
    name: "deletion of its session's apitoken",
    run: async (fleet, race) => {
      const { user, caller } = race;
      const id = parseToken('apt', caller.apitoken)!.id;
      if (caller === user) {
        const as = await otherDevice(fleet, race);
        return api(fleet.two.url).delete(`/v1/users/me/apitokens/${id}`, { as });
      }
      const as = await fleet.adminSession(fleet.two);
      return api(fleet.two.url).delete(`/v1/users/${caller.userid}/apitokens/${id}`, { as });
    },
  },
];

/** `POST /v1/apitokens` is sent with a session of another account than the one it is about. */
const ENDINGS_OF_THE_APP: readonly Ending[] = [
  {
    name: "DELETE /v1/users/{userid}/sessions of the app's by an admin",
    run: async (fleet, { caller }) => {
      const as = await fleet.adminSession(fleet.two);
      return api(fleet.two.url).delete(`/v1/users/${caller.userid}/sessions`, { as });
    },
  },
];

const NONSENSE: Readonly<Record<string, string>> = {
  'a login × logout of its session': 'nobody has its accesstoken before it is answered',
};

/** A session of the user on another device, opened now: what a committed change has ended could end nothing. */
async function otherDevice(fleet: Fleet, race: Race): Promise<TokenLogin> {
  const login = await fleet.session(fleet.two, race.user);
  race.known.add(sidOf(login.accesstoken));
  return login;
}

function sidOf(accesstoken: string): string {
  return parseToken('act', accesstoken)!.id;
}

async function prepare(fleet: Fleet, request: HeldRequest, place?: Place): Promise<Race> {
  const user = await fleet.user();
  const caller = request.byApp ? await fleet.user('app') : user;
  const as = await fleet.session(fleet.one, caller, request.byApp === true);
  const changed = request.name === 'a password change' && place?.committed === true;
  const password = changed ? NEW_PASSWORD : user.password;
  return { user, caller, as, password, passwordAfter: password, known: new Set() };
}

/** What of the held request is honoured, by either process, and every session of the user that nobody knows of. */
async function survivors(fleet: Fleet, race: Race, reply: Reply<Issued>): Promise<string[]> {
  const found: string[] = [];
  const { user, known, passwordAfter: password } = race;
  const { accesstoken, apitoken } = reply.status < 300 ? reply.body : {};
  for (const [name, app] of Object.entries({ one: fleet.one, two: fleet.two })) {
    if (accesstoken !== undefined) {
      const call = await api(app.url).get('/v1/users/me', { as: { userid: user.userid, accesstoken } });
      if (call.status !== 401) found.push(`accesstoken through ${name}: ${call.status}`);
    }
    const sessions = await app.get(SessionsService).list(user.userid);
    if (sessions.some(({ sid }) => !known.has(sid))) found.push(`a session in the list of ${name}`);
    if (apitoken !== undefined) {
      const login = await api(app.url).post('/v1/auth/login', { username: user.username, password, apitoken });
      if (login.status !== 401) found.push(`apitoken through ${name}: ${login.status}`);
    }
  }
  const apitokens = await fleet.one.db.query<unknown[]>('SELECT 1 FROM apitokens WHERE userid = $1 AND id <> $2', [
    user.userid,
    parseToken('apt', user.apitoken)!.id,
  ]);
  if (apitokens.length > 0) found.push('an apitoken in the table');
  return found;
}

/** Starts the request through process one and stops it at that place. */
async function startHeld(fleet: Fleet, request: HeldRequest, place: Place, race: Race) {
  const barrier = place.hold(fleet.one);
  const reply = request.start(fleet.one.url, race);
  const first = await Promise.race([barrier.reached, reply]);
  if (first !== undefined) throw new Error(`it was answered ${first.status} before it was held: ${first.code}`);
  return { barrier, reply };
}

const PLACES = HELD.flatMap((request) => request.places.map((place) => ({ request, place })));

describe.each(['redis', 'postgres'] as const)('with sessions in %s', (store) => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start({ store });
  });
  afterAll(() => fleet?.close());

  describe.each(PLACES.map((held) => [held.request.name, held.place.name, held] as const))(
    '%s, held %s',
    (_request, _place, { request, place }) => {
      const endings = request.byApp ? [...ENDINGS, ...ENDINGS_OF_THE_APP] : ENDINGS;

      it('gives what works where nothing comes between', async () => {
        const race = await prepare(fleet, request, place);
        const { barrier, reply } = await startHeld(fleet, request, place, race);
        barrier.release();
        const answered = await reply;
        expect(answered.status).toBe(request.ok);
        const wanted = request.byApp
          ? ['apitoken through one: 200', 'apitoken through two: 200', 'an apitoken in the table']
          : ['accesstoken through one: 200', 'a session in the list of one'].flatMap((one) => [one]);
        const found = await survivors(fleet, race, answered);
        expect(found).toEqual(expect.arrayContaining(wanted));
      });

      for (const ending of endings) {
        const reason = NONSENSE[`${request.name} × ${ending.name}`];
        if (reason !== undefined) {
          it.skip(`${ending.name}: ${reason}`, () => undefined);
          continue;
        }
        // What the transaction of the request has ended itself, nobody can end any more.
        if (place.committed && ending.name === 'logout of its session') {
          it(`refuses ${ending.name}, which is over`, async () => {
            const race = await prepare(fleet, request, place);
            const { barrier, reply } = await startHeld(fleet, request, place, race);
            const ended = await ending.run(fleet, race);
            barrier.release();
            const answered = await reply;
            expect([ended.status, answered.status]).toEqual([401, 200]);
          });
          continue;
        }
        it(`leaves nothing after ${ending.name}`, async () => {
          const race = await prepare(fleet, request, place);
          const { barrier, reply } = await startHeld(fleet, request, place, race);
          const ended = await ending.run(fleet, race);
          barrier.release();
          const answered = await reply;
          expect(ended.status === 200 || ended.status === 204).toBe(true);
          expect(await survivors(fleet, race, answered)).toEqual([]);
          expect(answered.status).toBe(place.answer);
          const stays = await fleet.one.db.query<unknown[]>(
            `SELECT 1`,
          );
          expect(stays).toHaveLength(1);
        });
      }
    },
  );
});
void eventually; void expectStatus;
