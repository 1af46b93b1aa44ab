import { randomBytes } from 'node:crypto';
import { ApitokensService } from '../../src/apitokens/apitokens.service.js';
import { tally, type Fleet } from '../races/fleet.js';
import type { TestApp } from '../support/app.js';
import { api, expectStatus, type TokenLogin, type User } from '../support/client.js';
import { change, decide, dropFence, hasCopy, inLanes, report, settled, startFleet, times } from './world.js';

/** 1,000 alternations of each kind. Re-authentication proves a password, 30 times a user at most. */
const USERS = 40;
const ROUNDS = 25;
const ALTERNATIONS = USERS * ROUNDS;
const SLOW = 400_000;
const KEEPER = 'keeper';

/** The processes of one round: the one that changes and the one that is asked. */
interface Round {
  readonly changer: TestApp;
  readonly asked: TestApp;
}

/** What one user's rounds need. */
interface Lane {
  readonly user: User;
  readonly index: number;
  /** A session that the rounds do not end. */
  readonly standing: TokenLogin;
}

/** What was answered in one round, all of it by the process that had not made the change. */
interface Seen {
  /** Before the change: it must be let in. */
  readonly before: number;
  /** The copy in Redis stood when the change was made. */
  readonly copy: boolean;
  /** After it: nothing of this may be let in. */
  readonly after: readonly number[];
  /** What took the place of the old: it must be let in. */
  readonly instead?: number;
}

let fleet: Fleet;
let lanes: Lane[];
let admin: TokenLogin;

beforeAll(async () => {
  // Nothing here waits for a lease to end, but a busy machine must not lose one.
  fleet = await startFleet({ leaseMs: 2500 });
  admin = await fleet.adminSession(fleet.one);
  expectStatus(await api(fleet.one.url).post('/v1/roles', { name: KEEPER, description: '' }, { as: admin }), 201);
  lanes = await times(USERS, async (index) => {
    const user = await fleet.user();
    return { user, index, standing: await fleet.session(fleet.both[index % 2]!, user) };
  });
}, SLOW);

beforeEach(async () => {
  // Changing others' rights asks for a proof of the password that is young.
  admin = await fleet.adminSession(fleet.one);
});

afterAll(() => fleet?.close());

/** Runs every user's rounds one after the other; who changes and who is asked alternates. */
async function alternate(what: string, play: (round: Round, lane: Lane) => Promise<Seen>): Promise<Seen[]> {
  const began = performance.now();
  const seen = await inLanes(lanes, async (lane) => {
    const rounds: Seen[] = [];
    for (let at = 0; at < ROUNDS; at += 1) {
      const changer = fleet.both[(at + lane.index) % 2]!;
      const asked = fleet.both[(at + lane.index + 1) % 2]!;
      await dropFence(fleet, lane.user.userid);
      rounds.push(await play({ changer, asked }, lane));
    }
    return rounds;
  });
  const rounds = seen.flat();
  const refusals = rounds.flatMap(({ after }) => after);
  report(what, {
    alternations: rounds.length,
    'let in before': rounds.filter(({ before }) => before < 300).length,
    'with a copy': rounds.filter(({ copy }) => copy).length,
    wrong: refusals.filter((status) => status < 300).length,
    refused: tally(refusals),
    ms: Math.round(performance.now() - began),
  });
  return rounds;
}

/** Every round was what it should be: let in, changed, refused with `status`, `perRound` times. */
function expectRefused(rounds: readonly Seen[], status: 401 | 403, perRound = 1): void {
  expect(rounds).toHaveLength(ALTERNATIONS);
  expect(rounds.filter(({ before, copy }) => before >= 300 || !copy)).toEqual([]);
  expect(tally(rounds.flatMap(({ after }) => after))).toEqual({ [status]: perRound * ALTERNATIONS });
}

/** Puts in the tables what the round is about to take away, as if it had long been there. */
async function insert(table: string, ...values: readonly string[]): Promise<void> {
  await fleet.one.db.query(`INSERT INTO ${table} VALUES ($1, $2)`, [...values]);
}

const copyOf = ({ user }: Lane) => hasCopy(fleet, user.userid);

describe('what one process ends, the other refuses in the next request', () => {
  it(
    'logout',
    async () => {
      const rounds = await alternate('logout', async ({ changer, asked }, lane) => {
        const as = await fleet.session(changer, lane.user);
        const before = await decide(asked, as);
        const copy = await copyOf(lane);
        await change(204, () => api(changer.url).post('/v1/auth/logout', undefined, { as }));
        return { before, copy, after: [await decide(asked, as)] };
      });
      expectRefused(rounds, 401);
    },
    SLOW,
  );

  it(
    'disable, and no session of before is back when the user is enabled again',
    async () => {
      const rounds = await alternate('disable, enable', async ({ changer, asked }, lane) => {
        const path = `/v1/users/${lane.user.userid}`;
        const as = await fleet.session(changer, lane.user);
        const before = await decide(asked, as);
        const copy = await copyOf(lane);
        await change(200, () => api(changer.url).patch(path, { status: 'disabled' }, { as: admin }));
        const disabled = await decide(asked, as);
        await change(200, () => api(asked.url).patch(path, { status: 'active' }, { as: admin }));
        const enabled = await decide(changer, as);
        const instead = await decide(changer, await fleet.session(asked, lane.user));
        return { before, copy, after: [disabled, enabled], instead };
      });
      expectRefused(rounds, 401, 2);
      expect(tally(rounds.map(({ instead }) => instead!))).toEqual({ 204: ALTERNATIONS });
      // Being disabled has ended the standing sessions too.
      lanes = await inLanes(lanes, async (lane) => ({ ...lane, standing: await fleet.session(fleet.one, lane.user) }));
    },
    SLOW,
  );

  it(
    'removal of a role, of a route that asks for it and of the question whether it is held',
    async () => {
      const rounds = await alternate('role removal', async ({ changer, asked }, lane) => {
        const role = lane.index % 2 === 0 ? KEEPER : 'admin';
        const use = (app: TestApp) =>
          decide(app, lane.standing, role === KEEPER ? `/v1/auth/check?role=${KEEPER}` : '/v1/roles');
        const path = `/v1/users/${lane.user.userid}/roles/${role}`;
        await insert('user_roles (userid, role)', lane.user.userid, role);
        const before = await use(asked);
        const copy = await copyOf(lane);
        await change(204, () => api(changer.url).delete(path, { as: admin }));
        return { before, copy, after: [await use(asked)] };
      });
      expectRefused(rounds, 403);
    },
    SLOW,
  );

  it(
    'removal from a private area, by username and by role',
    async () => {
      const areas = await inLanes(lanes, async ({ user, index }) => {
        const area = `area-${randomBytes(6).toString('hex')}`;
        await insert('areas (name, description)', area, '');
        if (index % 2 === 1) return { area, path: `usernames/${user.username}`, entry: ['area_users', user.userid] };
        await insert('user_roles (userid, role)', user.userid, KEEPER);
        return { area, path: `roles/${KEEPER}`, entry: ['area_roles', KEEPER] };
      });
      const rounds = await alternate('area removal', async ({ changer, asked }, lane) => {
        const { area, path, entry } = areas[lane.index]!;
        const [table, member] = entry as [string, string];
        const enter = (app: TestApp) => decide(app, lane.standing, `/v1/areas/${area}/access`);
        await insert(table, area, member);
        const before = await enter(asked);
        const copy = await copyOf(lane);
        await change(204, () => api(changer.url).delete(`/v1/areas/${area}/${path}`, { as: admin }));
        return { before, copy, after: [await enter(asked)] };
      });
      expectRefused(rounds, 403);
    },
    SLOW,
  );

  it(
    'deletion of an apitoken: its session, and a login with it',
    async () => {
      const rounds = await alternate('apitoken deletion', async ({ changer, asked }, lane) => {
        const { userid, username, password } = lane.user;
        const { id, apitoken } = await fleet.one.db.transaction((tx) =>
          fleet.one.get(ApitokensService).insert(tx, userid, 'second', null),
        );
        const as = await fleet.session(asked, { userid, apitoken });
        const before = await decide(asked, as);
        const copy = await copyOf(lane);
        const own = lane.index % 2 === 0;
        const path = own ? `/v1/users/me/apitokens/${id}` : `/v1/users/${userid}/apitokens/${id}`;
        await change(204, () => api(changer.url).delete(path, { as: own ? lane.standing : admin }));
        const session = await decide(asked, as);
        // From a source of its own: ten wrong apitokens a minute are answered, the next are 429.
        const login = await settled(() => api(asked.url).post('/v1/auth/login', { username, password, apitoken }));
        return { before, copy, after: [session, login.status], instead: await decide(asked, lane.standing) };
      });
      expectRefused(rounds, 401, 2);
      expect(tally(rounds.map(({ instead }) => instead!))).toEqual({ 204: ALTERNATIONS });
    },
    SLOW,
  );

  it(
    're-authentication: the session that was there before',
    async () => {
      const current = await inLanes(lanes, ({ user }) => fleet.session(fleet.one, user));
      const rounds = await alternate('old session after re-authentication', async ({ changer, asked }, lane) => {
        const as = current[lane.index]!;
        const before = await decide(asked, as);
        const copy = await copyOf(lane);
        const body = { password: lane.user.password };
        const { accesstoken } = await change(200, () =>
          api(changer.url).post<TokenLogin>('/v1/auth/reauthenticate', body, { as }),
        );
        const after = await decide(asked, as);
        current[lane.index] = { userid: as.userid, accesstoken };
        return { before, copy, after: [after], instead: await decide(asked, current[lane.index]!) };
      });
      expectRefused(rounds, 401);
      expect(tally(rounds.map(({ instead }) => instead!))).toEqual({ 204: ALTERNATIONS });
    },
    SLOW,
  );
});
