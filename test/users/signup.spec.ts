import { parseToken } from '../../src/common/secret-token.js';
import { Accounts, PASSWORD, codeOf, problemOf, type Account } from './accounts.js';

describe('sign-up through an app or by an admin', () => {
  let accounts: Accounts;
  let app: Account;
  let admin: Account;

  beforeAll(async () => {
    accounts = await Accounts.start();
    app = await accounts.account('the-app', 'app');
    admin = await accounts.account('the-admin', 'admin');
  });

  afterAll(() => accounts.close());

  const signUp = (username: string, by = app, client = accounts.client()) =>
    accounts.signup.create({ username, password: PASSWORD }, by.principal, client);

  it('makes a user under the folded name, with a first apitoken that logs in', async () => {
    const made = await signUp('ＡLICE.1');
    expect(made.username).toBe('alice.1');
    const owner = await accounts.apitokens.findForLogin(parseToken('apt', made.apitoken)!);
    expect(owner).toMatchObject({
      userid: made.userid,
      username: 'alice.1',
      status: 'active',
      epoch: '0.0',
      isApp: false,
    });
    expect(await accounts.hasher.verify(PASSWORD, owner!.passwordHash, { lane: 'first' })).toMatchObject({ ok: true });
    expect(await accounts.users.findOrFail(made.userid)).toMatchObject({
      roles: ['user'],
      areas: [],
      lastLoginAt: null,
    });
    expect(await accounts.audited('user.created')).toContainEqual({
      actor: app.userid,
      target: made.userid,
      detail: { username: 'alice.1', apitoken: owner!.apitokenId },
    });
  });

  it('names every field that is wrong', async () => {
    const request = { username: 'no spaces', password: 'short' };
    const problem = await problemOf(accounts.signup.create(request, app.principal, accounts.client()));
    expect(problem.code).toBe('invalid_request');
    expect(problem.options.errors?.map(({ field }) => field)).toEqual(['username', 'password']);
    const own = { username: 'hannelore-schmidt', password: 'hannelore-schmidt1' };
    const second = await problemOf(accounts.signup.create(own, app.principal, accounts.client()));
    expect(second.options.errors?.map(({ field }) => field)).toEqual(['password']);
  });

  it('refuses a name that is or was taken, without hashing', async () => {
    const gone = await accounts.account('long-gone');
    await accounts.users.delete(gone.userid, admin.principal, accounts.client());
    const before = accounts.hasher.calls.started;
    expect(await codeOf(signUp('The-App'))).toBe('username_taken');
    expect(await codeOf(signUp('long-gone', admin))).toBe('username_taken');
    expect(accounts.hasher.calls.started).toBe(before);
  });

  it('gives a name that two ask for at once to one of them', async () => {
    const both = await accounts.heldUp(2, () => Promise.allSettled([signUp('wanted'), signUp('wanted')]));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = both.find((outcome) => outcome.status === 'rejected');
    expect(lost?.reason).toMatchObject({ code: 'username_taken' });
    expect((await accounts.users.list({ limit: 25, search: 'wanted' })).items).toHaveLength(1);
  });

  it('makes nobody for an app account that was deleted meanwhile', async () => {
    const old = await accounts.account('old-app', 'app');
    await accounts.users.delete(old.userid, admin.principal, accounts.client());
    expect(await codeOf(signUp('too-late', old))).toBe('unauthenticated');
    expect(await accounts.users.findByUsername('too-late')).toBeNull();
  });

  it('lets one source through an app try ten names a minute, taken ones too, and an admin any number', async () => {
    const client = accounts.client();
    for (let i = 0; i < 9; i += 1) expect(await codeOf(signUp('the-app', app, client))).toBe('username_taken');
    await signUp('tenth', app, client);
    expect(await problemOf(signUp('eleventh', app, client))).toMatchObject({ code: 'rate_limited' });
    await signUp('eleventh', admin, client);
  });

  it('counts what an app account has signed up', async () => {
    const counted = await accounts.account('counted-app', 'app');
    for (const name of ['one', 'two', 'three', 'four']) await signUp(`counted-${name}`, counted);
    const [hour, day] = ['2 minutes', '29 days'];
    const age =
      'UPDATE audit SET at = now() - $2::interval WHERE target = (SELECT userid FROM users WHERE username = $1)';
    await accounts.db.query(age, ['counted-two', hour]);
    await accounts.db.query(age, ['counted-three', day]);
    await accounts.db.query(age, ['counted-four', '31 days']);
    const midnight = new Date().setUTCHours(0, 0, 0, 0);
    const today = Date.now() - midnight > 125_000 ? 2 : 1;
    expect(await accounts.signup.counts(counted.userid)).toEqual({
      lastMinute: 1,
      today,
      last30Days: 3,
      perMinuteLimit: 600,
    });
    expect(await codeOf(accounts.signup.counts(admin.userid))).toBe('not_found');
  });
});

describe('an app account that signs up as many as it may in a minute', () => {
  it('is stopped, and the audit says so once', async () => {
    const accounts = await Accounts.start({ SIGNUP_APP_PER_MINUTE: '2' });
    try {
      const app = await accounts.account('busy-app', 'app');
      const signUp = (username: string) =>
        accounts.signup.create({ username, password: PASSWORD }, app.principal, accounts.client());
      await signUp('first-user');
      expect(await accounts.audited('signup.limit_reached')).toEqual([]);
      await signUp('second-user');
      expect(await codeOf(signUp('third-user'))).toBe('rate_limited');
      expect(await codeOf(signUp('fourth-user'))).toBe('rate_limited');
      expect(await accounts.audited('signup.limit_reached')).toEqual([
        { actor: app.userid, target: app.userid, detail: { perMinuteLimit: 2 } },
      ]);
    } finally {
      await accounts.close();
    }
  });
});
