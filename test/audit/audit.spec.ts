import { randomUUID } from 'node:crypto';
import type { AuditAction } from '../../src/audit/audit-action.js';
import type { AuditRow, FailedLogin } from '../../src/audit/audit-event.js';
import { AuditQuery, toAuditPage } from '../../src/audit/audit.dto.js';
import { encodeCursor } from '../../src/common/paging.js';
import { CLIENT, outcome, RightsWorld } from '../roles/rights-world.js';

let world: RightsWorld;

beforeAll(async () => {
  world = await RightsWorld.start();
});
afterAll(() => world.stop());

const list = (query: Record<string, string>) => world.audit.list(AuditQuery.parse(query));

/** Writes a row as it would have been written at that time. */
async function past(at: string, action: AuditAction, actor: string | null, target: string | null): Promise<void> {
  await world.dataSource.transaction((tx) => world.audit.record(tx, { action, actor, target, client: CLIENT }));
  await world.dataSource.query('UPDATE audit SET at = $1 WHERE id = (SELECT max(id) FROM audit)', [at]);
}

async function failures(userid: string): Promise<AuditRow[]> {
  return (await list({ userid, action: 'login.failed' })).items;
}

describe('the audit', () => {
  it('has a row exactly where its transaction was committed', async () => {
    const userid = randomUUID();
    const event = {
      action: 'role.granted',
      actor: null,
      target: userid,
      client: CLIENT,
      detail: { role: 'x' },
    } as const;
    await world.dataSource.transaction((tx) => world.audit.record(tx, event));
    const rolledBack = world.dataSource.transaction(async (tx) => {
      await world.audit.record(tx, { ...event, client: null });
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    expect(toAuditPage(await list({ userid }))).toEqual({
      items: [
        {
          id: expect.stringMatching(/^\d+$/) as string,
          at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
          action: 'role.granted',
          actor: null,
          target: userid,
          ip: '192.0.2.7',
          requestId: 'test-request',
          detail: { role: 'x' },
        },
      ],
      nextCursor: null,
    });
  });

  it('is paged newest first without loss, also where rows share a millisecond or an instant', async () => {
    const [alice, bob] = [randomUUID(), randomUUID()];
    for (const micros of ['000001', '000001', '000002', '000999', '001000']) {
      await past(`2020-02-02T02:02:02.${micros}Z`, 'logout', alice, alice);
      await past(`2020-02-02T02:02:02.${micros}Z`, 'user.disabled', alice, bob);
    }
    const whole = (await list({ userid: alice, limit: '100' })).items.map(({ id }) => id);
    const filters: Record<string, string>[] = [{ userid: alice }, { until: '2020-02-02T02:02:03Z' }];
    for (const filter of filters) {
      const ids: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null;) {
        const page = await list({ ...filter, limit: '3', ...(cursor ? { cursor } : {}) });
        ids.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor;
      }
      expect(ids).toEqual(whole);
    }
    expect(whole.map(Number)).toEqual(whole.map(Number).toSorted((a, b) => b - a));
    expect(whole).toHaveLength(10);
    expect((await list({ userid: bob })).items).toHaveLength(5);
  });

  it('is filtered by actor or target, action and time', async () => {
    const [carol, dave] = [randomUUID(), randomUUID()];
    await past('2021-01-01T00:00:00Z', 'user.created', carol, dave);
    await past('2021-01-02T00:00:00Z', 'logout', dave, dave);
    await past('2021-01-03T00:00:00Z', 'user.deleted', carol, dave);
    const actions = async (query: Record<string, string>) =>
      (await list({ until: '2021-12-31T00:00:00Z', ...query })).items.map(({ action }) => action);
    expect(await actions({ userid: dave })).toEqual(['user.deleted', 'logout', 'user.created']);
    expect(await actions({ userid: carol })).toEqual(['user.deleted', 'user.created']);
    expect(await actions({ userid: dave, action: 'logout' })).toEqual(['logout']);
    expect(await actions({ since: '2021-01-02T00:00:00Z' })).toEqual(['user.deleted', 'logout']);
    expect(await actions({ userid: carol, until: '2021-01-03T01:00:00+01:00' })).toEqual(['user.created']);
    expect(await actions({ userid: carol, until: '2021-01-03t00:00:00z' })).toEqual(['user.created']);
    expect(
      await actions({ since: '0000-01-01T00:00:00Z', until: '9999-12-31T23:59:59-23:59', userid: dave }),
    ).toHaveLength(3);
  });

  it('refuses a query that asks for nothing there can be', async () => {
    const junk = [
      { userid: 'x' },
      { userid: randomUUID().toUpperCase() },
      { action: 'logins' },
      { action: '' },
      { since: 'yesterday' },
      { since: '2021-01-01T00:00Z' },
      { since: '2021-01-01' },
      { until: '2021-02-30T00:00:00Z' },
      { until: '2021-01-01T00:00:00' },
      { actor: randomUUID() },
    ];
    expect(junk.filter((query) => AuditQuery.safeParse(query).success)).toEqual([]);
    for (const parts of [['1'], ['x', '1'], ['1', '-1'], ['99999999999999999', '1'], ['1', '9999999999999999999']]) {
      expect(AuditQuery.safeParse({ cursor: encodeCursor(parts) }).success).toBe(false);
    }
  });
});

describe('failed logins', () => {
  const failed = (login: Partial<FailedLogin>) =>
    world.audit.recordFailedLogin({ username: null, userid: null, client: CLIENT, mode: 'token', ...login });

  it('of one source and name are one row a minute with a count, also where they come at once', async () => {
    const login = { username: 'erin', userid: randomUUID() };
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => failed({ ...login, mode: index < 3 ? 'web' : 'token' })),
    );
    const rows = await failures(login.userid);
    // Two where the minute ended meanwhile.
    expect([1, 2]).toContain(rows.length);
    const sum = (pick: (row: AuditRow) => unknown) => rows.reduce((total, row) => total + Number(pick(row) ?? 0), 0);
    const modes = (row: AuditRow) => row.detail['modes'] as Record<string, number>;
    expect(sum(({ detail }) => detail['count'])).toBe(10);
    expect([sum((row) => modes(row)['web']), sum((row) => modes(row)['token'])]).toEqual([3, 7]);
    expect(rows[0]).toMatchObject({ actor: null, target: login.userid, ip: '192.0.2.7', detail: { username: 'erin' } });
  });

  it('of another source, name or minute are another row; an IPv6 source is its /64', async () => {
    const login = { username: 'frank', userid: randomUUID() };
    await failed(login);
    await failed({ ...login, client: { ...CLIENT, ip: '2001:db8::1' } });
    await failed({ ...login, client: { ...CLIENT, ip: '2001:db8::2' } });
    await failed({ username: 'grace', userid: login.userid });
    const before = await failures(login.userid);
    // The two of the /64 are two rows where the minute ended between them.
    const counts: Record<string, number> = {};
    for (const { ip, detail } of before) {
      const whose = `${String(detail['username'])} ${ip?.includes(':') ? 'IPv6' : ip}`;
      counts[whose] = (counts[whose] ?? 0) + Number(detail['count']);
    }
    expect(counts).toEqual({ 'frank 192.0.2.7': 1, 'frank IPv6': 2, 'grace 192.0.2.7': 1 });
    expect([3, 4]).toContain(before.length);
    await world.dataSource.query(
      `UPDATE audit SET failure_key = split_part(failure_key, ':', 1) || ':' || (split_part(failure_key, ':', 2)::bigint - 1)
       WHERE target = $1`,
      [login.userid],
    );
    await failed(login);
    expect(await failures(login.userid)).toHaveLength(before.length + 1);
  });

  it('of a name that nobody has do not keep what was typed', async () => {
    const typed = 'hunter-2-hunter-2';
    await failed({ username: typed, client: { ...CLIENT, ip: '198.51.100.9' } });
    const [row]: { text: string; target: string | null }[] = await world.dataSource.query(
      `SELECT audit::text AS text, target FROM audit WHERE ip = '198.51.100.9'`,
    );
    expect(row!.target).toBeNull();
    expect(row!.text).not.toContain(typed);
  });

  it('that cannot be written down end in 503', async () => {
    expect(await outcome(() => failed({ userid: 'no-uuid' }))).toBe('unavailable');
    expect(await outcome(() => failed({ client: { ...CLIENT, ip: 'unknown' } }))).toBe('unavailable');
  });
});
