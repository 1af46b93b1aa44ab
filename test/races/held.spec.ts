import { AuthorityService } from '../../src/authority/authority.service.js';
import { TruthService } from '../../src/authority/truth.service.js';
import { parseToken } from '../../src/common/secret-token.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { SessionsService } from '../../src/sessions/sessions.service.js';
import type { TestApp } from '../support/app.js';
import { eventually, hold } from '../support/barrier.js';
import { api, expectStatus, type Reply, type User } from '../support/client.js';
import { Fleet } from './fleet.js';
import {
  ENDINGS,
  ENDINGS_OF_THE_APP,
  LOGOUT,
  NONSENSE,
  PLACES,
  REAUTHENTICATION,
  prepare,
  sidOf,
  startHeld,
  type Ending,
  type HeldAt,
  type Issued,
  type Race,
} from './held-requests.js';

/** What of the held request is honoured, by either process, and every session of the user that nobody knows of. */
async function survivors(fleet: Fleet, race: Race, reply: Reply<Issued>): Promise<string[]> {
  const found: string[] = [];
  const { user, known } = race;
  const { accesstoken, apitoken } = reply.status < 300 ? reply.body : {};
  for (const [name, app] of Object.entries({ one: fleet.one, two: fleet.two })) {
    const sessions = await app.get(SessionsService).list(user.userid);
    if (sessions.some(({ sid }) => !known.has(sid))) found.push(`a session in the list of ${name}`);
    if (accesstoken !== undefined) {
      const call = await api(app.url).get('/v1/users/me', { as: { userid: user.userid, accesstoken } });
      if (call.status !== 401) found.push(`the accesstoken, by ${name}: ${call.status}`);
    }
    if (apitoken !== undefined) {
      const body = { username: user.username, password: race.passwordAfter, apitoken };
      const login = await api(app.url).post<Issued>('/v1/auth/login', body);
      if (login.status !== 401) found.push(`the apitoken, by ${name}: ${login.status}`);
      if (login.status === 200) known.add(sidOf(login.body.accesstoken!));
    }
  }
  const first = parseToken('apt', user.apitoken)!.id;
  const sql = 'SELECT 1 FROM apitokens WHERE userid = $1 AND id <> $2';
  if ((await fleet.one.db.query<unknown[]>(sql, [user.userid, first])).length > 0) found.push('an apitoken');
  return found;
}

const SURVIVES = {
  session: [
    'a session in the list of one',
    'the accesstoken, by one: 200',
    'a session in the list of two',
    'the accesstoken, by two: 200',
  ],
  apitoken: ['the apitoken, by one: 200', 'the apitoken, by two: 200', 'an apitoken'],
};

/** Whether that is the user's password. */
async function isPassword(app: TestApp, { user, passwordAfter }: Race): Promise<boolean> {
  const sql = 'SELECT password_hash FROM users WHERE userid = $1';
  const [row] = await app.db.query<{ password_hash: string }[]>(sql, [user.userid]);
  return (await app.get(PasswordHasher).verify(passwordAfter, row!.password_hash, { lane: 'first' })).ok;
}

describe.each(['redis', 'postgres'] as const)('with sessions in %s', (store) => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start({ store });
  });
  afterAll(() => fleet?.close());
  /** Of one test alone. */
  const others: Fleet[] = [];
  afterEach(async () => {
    for (const other of others.splice(0)) await other.close();
  });

  /** Holds the request there, has it ended through the other process, lets it go on. */
  async function race(held: HeldAt, ending?: Ending) {
    const race = await prepare(fleet, held);
    const { barrier, reply } = await startHeld(fleet, held, race);
    const ended = await ending?.run(fleet, race);
    barrier.release();
    const answered = await reply;
    return { race, ended: ended?.status, answered: answered.status, found: await survivors(fleet, race, answered) };
  }

  describe.each(PLACES)('$request.name, held $place.name', (held) => {
    const { request, place } = held;

    it('gives what works where nothing comes between', async () => {
      const { answered, found } = await race(held);
      expect(answered).toBe(request.byApp ? 201 : 200);
      expect(found).toEqual(request.byApp ? SURVIVES.apitoken : SURVIVES.session);
    });

    for (const ending of request.byApp ? [...ENDINGS, ...ENDINGS_OF_THE_APP] : ENDINGS) {
      const nonsense = NONSENSE[`${request.name}, ${ending.name}`];
      if (nonsense !== undefined) {
        it.skip(`${ending.name}: ${nonsense}`, () => undefined);
      } else if (place.committed && ending.name === LOGOUT) {
        it('has ended its session itself, whose logout is 401 from then on', async () => {
          const { ended, answered, found } = await race(held, ending);
          expect([ended, answered]).toEqual([401, 200]);
          expect(found).toEqual(SURVIVES.session);
        });
      } else {
        it(`leaves nothing after ${ending.name}`, async () => {
          const { race: after, ended, answered, found } = await race(held, ending);
          expect(found).toEqual([]);
          expect([ended, answered]).toEqual([ending.answer, place.answer]);
          expect(await isPassword(fleet.two, after)).toBe(true);
        });
      }
    }
  });

  it('leaves nothing of all of them, held at once, after DELETE /v1/all-sessions', async () => {
    // All must be answered within 5 s, one lease included: a short one, which process one begins to wait at once.
    const fleet = await Fleet.start({ store, env: { TRUTH_LEASE_MS: '1500' } });
    others.push(fleet);
    const races: { held: HeldAt; race: Race }[] = [];
    for (const held of PLACES) races.push({ held, race: await prepare(fleet, held) });
    const as = await fleet.adminSession(fleet.two);
    const started: Awaited<ReturnType<typeof startHeld>>[] = [];
    for (const { held, race } of races) started.push(await startHeld(fleet, held, race));
    const truth = fleet.one.get(TruthService);
    const { generation } = truth.begin();
    const ended = api(fleet.two.url).delete('/v1/all-sessions', { as });
    await eventually(async () => {
      await truth.kick();
      return truth.held?.generation !== generation;
    });
    expect((await ended).status).toBe(204);
    // Until process one serves again, it could not let anybody survive.
    await fleet.ready();
    for (const { barrier } of started) barrier.release();
    const outcomes = await Promise.all(
      races.map(async ({ held, race }, at) => {
        const answered = await started[at]!.reply;
        const what = `${held.request.name}, held ${held.place.name}`;
        return [what, answered.status, await survivors(fleet, race, answered)] as const;
      }),
    );
    expect(outcomes).toEqual(
      PLACES.map(({ request, place }) => [`${request.name}, held ${place.name}`, place.answer, []]),
    );
    expect((await api(fleet.one.url).get('/v1/users/me', { as })).status).toBe(401);
  });

  it.each([
    {
      what: 'a logout',
      hold: () => hold(fleet.two.get(SessionsService), 'logout', 'before'),
      run: async ({ as }: Race) => api(fleet.two.url).post('/v1/auth/logout', undefined, { as }),
      refusal: 401,
    },
    {
      what: 'DELETE /v1/sessions/{id} by another device',
      hold: () => hold(fleet.two.get(AuthorityService), 'adminChange', 'before'),
      run: async ({ user, as }: Race) => {
        const other = await fleet.session(fleet.two, user);
        return api(fleet.two.url).delete(`/v1/sessions/${sidOf(as.accesstoken)}`, { as: other });
      },
      refusal: 404,
    },
  ])('$what, held past its check while the session is replaced, is not answered 2xx', async (ending) => {
    const held = PLACES.find(({ request }) => request.name === REAUTHENTICATION)!;
    const race = await prepare(fleet, held);
    const barrier = ending.hold();
    const ended = ending.run(race);
    await barrier.reached;
    const replaced = await held.request.start(fleet.one.url, race);
    barrier.release();
    expect([replaced.status, (await ended).status]).toEqual([200, ending.refusal]);
  });
});

describe.each(['redis', 'postgres'] as const)('a session kept by keep=current, in %s', (store) => {
  it('ends when the first one would have, however often it is renewed', async () => {
    const fleet = await Fleet.start({ store, env: { SESSION_TOKEN_ABSOLUTE_SECONDS: '5' } });
    try {
      const user = await fleet.user();
      const first = expectStatus(await start(fleet, user), 200);
      let as = { userid: user.userid, accesstoken: first.accesstoken! };
      let renewals = 0;
      const ends = new Set<string>();
      await eventually(async () => {
        const through = fleet.both[renewals % 2]!;
        const reply = await api(through.url).delete<Issued>('/v1/sessions?keep=current', { as });
        if (reply.status === 401) return true;
        const { accesstoken, absoluteExpiresAt } = expectStatus(reply, 200);
        as = { ...as, accesstoken: accesstoken! };
        ends.add(absoluteExpiresAt!);
        renewals += 1;
        return false;
      });
      const late = Date.now() - Date.parse(first.absoluteExpiresAt!);
      expect([...ends]).toEqual([first.absoluteExpiresAt]);
      expect(renewals).toBeGreaterThan(5);
      // All clocks are this machine's; a call that began before the end may be refused after it.
      expect(late).toBeGreaterThan(-50);
      expect(late).toBeLessThan(4500);
      for (const { url } of fleet.both) expect((await api(url).get('/v1/users/me', { as })).status).toBe(401);
    } finally {
      await fleet.close();
    }
  });

  function start(fleet: Fleet, { username, password, apitoken }: User): Promise<Reply<Issued>> {
    return api(fleet.one.url).post<Issued>('/v1/auth/login', { username, password, apitoken });
  }
});
