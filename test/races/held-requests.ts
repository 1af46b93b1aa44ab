import { AuthorityService } from '../../src/authority/authority.service.js';
import { parseToken } from '../../src/common/secret-token.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { SessionStore } from '../../src/sessions/session-store.js';
import { SessionsService } from '../../src/sessions/sessions.service.js';
import type { TestApp } from '../support/app.js';
import { hold, type Barrier } from '../support/barrier.js';
import { api, type Reply, type TokenLogin, type User } from '../support/client.js';
import type { Fleet } from './fleet.js';

/** What a held request may issue. */
export interface Issued {
  readonly accesstoken?: string;
  readonly apitoken?: string;
  readonly absoluteExpiresAt?: string;
}

const LOGIN = 'a login';
const PASSWORD_CHANGE = 'a password change';
export const REAUTHENTICATION = 'a re-authentication';
export const LOGOUT = 'logout of its session';
const NEW_PASSWORD = 'marbles under quiet stairs';
const OTHER_PASSWORD = 'pebbles over noisy bridges';

/** One request that is held, and what ends, through the other process, what it stands on. */
export interface Race {
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
  readonly start: (url: string, race: Race) => Promise<Reply<Issued>>;
}

export interface HeldAt {
  readonly request: HeldRequest;
  readonly place: Place;
}

export interface Ending {
  readonly name: string;
  readonly answer: 200 | 204;
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
/** Held there, whatever is read on the way to the store is read after the ending. */
const beforeReplacement: Place = {
  name: 'before its session is made',
  hold: (app) => hold(app.get(SessionsService), 'openInPlaceOf', 'before'),
  committed: true,
  answer: 200,
};

const HELD: readonly HeldRequest[] = [
  {
    name: LOGIN,
    // It is answered with a session of the old epoch, or of an apitoken that is gone, which nobody honours.
    places: [
      afterProof(200),
      {
        name: 'before its session is written',
        hold: (app) => hold(app.get(SessionStore), 'create', 'before'),
        answer: 200,
      },
    ],
    start: (url, { user }) => {
      const { username, password, apitoken } = user;
      return api(url).post('/v1/auth/login', { username, password, apitoken });
    },
  },
  {
    name: PASSWORD_CHANGE,
    places: [afterProof(401), beforeChange, beforeReplacement],
    start: (url, { user, as }) => {
      const body = { currentPassword: user.password, newPassword: NEW_PASSWORD };
      return api(url).post('/v1/users/me/password', body, { as });
    },
  },
  {
    name: REAUTHENTICATION,
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
      beforeReplacement,
    ],
    start: (url, { user, as }) => api(url).post('/v1/auth/reauthenticate', { password: user.password }, { as }),
  },
  {
    name: 'DELETE /v1/sessions?keep=current',
    places: [beforeChange, beforeReplacement],
    start: (url, { as }) => api(url).delete('/v1/sessions?keep=current', { as }),
  },
  {
    name: 'POST /v1/apitokens',
    places: [afterProof(401), beforeChange],
    byApp: true,
    start: (url, { user, as }) => {
      const { username, password } = user;
      return api(url).post('/v1/apitokens', { username, password, name: 'second phone' }, { as });
    },
  },
];

export const ENDINGS: readonly Ending[] = [
  {
    name: 'DELETE /v1/sessions by the user',
    answer: 204,
    run: async (fleet, race) => api(fleet.two.url).delete('/v1/sessions', { as: await otherDevice(fleet, race) }),
  },
  {
    name: 'DELETE /v1/users/{userid}/sessions by an admin',
    answer: 204,
    run: async (fleet, { user }) => {
      const as = await fleet.adminSession(fleet.two);
      return api(fleet.two.url).delete(`/v1/users/${user.userid}/sessions`, { as });
    },
  },
  {
    name: PASSWORD_CHANGE,
    answer: 200,
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
    name: LOGOUT,
    answer: 204,
    run: (fleet, { as }) => api(fleet.two.url).post('/v1/auth/logout', undefined, { as }),
  },
  {
    name: "deletion of its session's apitoken",
    answer: 204,
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
export const ENDINGS_OF_THE_APP: readonly Ending[] = [
  {
    name: "DELETE /v1/users/{userid}/sessions of the app's by an admin",
    answer: 204,
    run: async (fleet, { caller }) => {
      const as = await fleet.adminSession(fleet.two);
      return api(fleet.two.url).delete(`/v1/users/${caller.userid}/sessions`, { as });
    },
  },
];

export const PLACES: readonly HeldAt[] = HELD.flatMap((request) => request.places.map((place) => ({ request, place })));

export const NONSENSE: Readonly<Record<string, string>> = {
  [`${LOGIN}, ${LOGOUT}`]: 'nobody has its accesstoken before it is answered',
};

/** A login needs no session, so there is none. */
const NOBODY: TokenLogin = { userid: '', accesstoken: '' };

/** A session of the user on another device, opened now: what a committed change has ended could end nothing. */
async function otherDevice(fleet: Fleet, race: Race): Promise<TokenLogin> {
  const login = await fleet.session(fleet.two, race.user);
  race.known.add(sidOf(login.accesstoken));
  return login;
}

export function sidOf(accesstoken: string): string {
  return parseToken('act', accesstoken)!.id;
}

export async function prepare(fleet: Fleet, { request, place }: HeldAt): Promise<Race> {
  const user = await fleet.user();
  const caller = request.byApp ? await fleet.user('app') : user;
  const as = request.name === LOGIN ? NOBODY : await fleet.session(fleet.one, caller, request.byApp === true);
  const password = request.name === PASSWORD_CHANGE && place.committed ? NEW_PASSWORD : user.password;
  return { user, caller, as, password, passwordAfter: password, known: new Set() };
}

/** Starts the request through process one, and stops it at that place. */
export async function startHeld(fleet: Fleet, { request, place }: HeldAt, race: Race) {
  const barrier = place.hold(fleet.one);
  const reply = request.start(fleet.one.url, race);
  const early = await Promise.race([barrier.reached, reply]);
  if (early !== undefined) {
    barrier.release();
    throw new Error(`it was answered before it was held: ${early.status} ${early.code}`);
  }
  return { barrier, reply };
}
