import { randomUUID } from 'node:crypto';
import { Sweeper } from '../../src/database/sweeper.js';
import { makeToken } from '../../src/common/secret-token.js';
import { startTestApp, type TestApp } from '../support/app.js';

let app: TestApp;
let sweeper: Sweeper;
let userid: string;

beforeAll(async () => {
  app = await startTestApp({ env: { AUDIT_RETENTION_DAYS: '10' } });
  sweeper = app.get(Sweeper);
  userid = randomUUID();
  await app.db.query(`INSERT INTO users (userid, username) VALUES ($1, 'somebody')`, [userid]);
  await app.db.query('DELETE FROM audit');
});
afterAll(() => app.close());

/** The keys that are left in a table, sorted. */
async function left(table: string, column: string): Promise<string[]> {
  const rows: { key: string }[] = await app.db.query(`SELECT ${column}::text AS key FROM ${table}`);
  return rows.map(({ key }) => key).toSorted();
}

describe('the sweeper', () => {
  it('deletes the ends of sessions that no copy can outlive any more', async () => {
    const insert = `INSERT INTO session_ends (sid, userid, kept_until) VALUES ($1, $2, now() + $3::interval)`;
    await app.db.query(insert, ['over', userid, '-1 second']);
    await app.db.query(insert, ['kept', userid, '1 hour']);
    expect(await sweeper.sweep()).toMatchObject({ session_ends: 1 });
    expect(await left('session_ends', 'sid')).toEqual(['kept']);
  });

  it('deletes expired sessions of the Postgres store', async () => {
    const insert = `INSERT INTO sessions (sid, userid, secret_hash, mode, epoch, auth_time, created_at, last_seen_at,
        expires_at, absolute_end, idle_ms, ip, user_agent)
      VALUES ($1, $2, '', 'token', '0.0', now(), now(), now(), now() + $3::interval, now() + interval '1 day', 1, '', '')`;
    await app.db.query(insert, ['over', userid, '-1 second']);
    await app.db.query(insert, ['live', userid, '1 hour']);
    expect(await sweeper.sweep()).toMatchObject({ sessions: 1 });
    expect(await left('sessions', 'sid')).toEqual(['live']);
  });

  it('deletes expired limits of the Postgres store', async () => {
    await app.db.query('DELETE FROM limits');
    const insert = 'INSERT INTO limits (key, count, expires_at) VALUES ($1, 1, now() + $2::interval)';
    await app.db.query(insert, ['over', '-1 second']);
    await app.db.query(insert, ['counting', '1 hour']);
    expect(await sweeper.sweep()).toMatchObject({ limits: 1 });
    expect(await left('limits', 'key')).toEqual(['counting']);
  });

  it('deletes expired reset codes', async () => {
    const other = randomUUID();
    await app.db.query(`INSERT INTO users (userid, username) VALUES ($1, 'another')`, [other]);
    const insert = `INSERT INTO reset_codes (userid, id, secret_hash, expires_at) VALUES ($1, $2, '', now() + $3::interval)`;
    await app.db.query(insert, [userid, 'over', '-1 second']);
    await app.db.query(insert, [other, 'good', '1 hour']);
    expect(await sweeper.sweep()).toMatchObject({ reset_codes: 1 });
    expect(await left('reset_codes', 'id')).toEqual(['good']);
  });

  it('deletes expired apitokens, and none that never expires', async () => {
    await app.db.query('DELETE FROM apitokens');
    const insert = `INSERT INTO apitokens (id, userid, name, secret_hash, expires_at) VALUES ($1, $2, '', '', now() + $3::interval)`;
    const [over, good, everlasting] = ['a', 'b', 'c'].map((letter) => letter + makeToken().id.slice(1));
    await app.db.query(insert, [over, userid, '-1 second']);
    await app.db.query(insert, [good, userid, '1 hour']);
    await app.db.query(insert, [everlasting, userid, null]);
    expect(await sweeper.sweep()).toMatchObject({ apitokens: 1 });
    expect(await left('apitokens', 'id')).toEqual([good, everlasting]);
  });

  it('deletes audit rows older than AUDIT_RETENTION_DAYS', async () => {
    const insert = `INSERT INTO audit (action, at) VALUES ($1, now() - $2::interval)`;
    await app.db.query(insert, ['old', '10 days 1 minute']);
    await app.db.query(insert, ['recent', '9 days 23 hours']);
    expect(await sweeper.sweep()).toMatchObject({ audit: 1 });
    expect(await left('audit', 'action')).toEqual(['recent']);
  });

  it('deletes sources from which nobody has logged in for 30 days', async () => {
    const insert = `INSERT INTO known_sources (userid, source, last_login_at) VALUES ($1, $2, now() - $3::interval)`;
    await app.db.query(insert, [userid, 'old', '30 days 1 minute']);
    await app.db.query(insert, [userid, 'known', '29 days 23 hours']);
    expect(await sweeper.sweep()).toMatchObject({ known_sources: 1 });
    expect(await left('known_sources', 'source')).toEqual(['known']);
  });

  it('takes as many batches as it needs, and finds nothing the next time', async () => {
    await app.db.query(
      `INSERT INTO limits (key, count, expires_at) SELECT 'many-' || n, 1, now() - interval '1 s' FROM generate_series(1, 2345) AS n`,
    );
    expect((await sweeper.sweep())['limits']).toBe(2345);
    expect(Object.values(await sweeper.sweep())).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it('leaves a row that somebody is changing, and takes it the next time if it is still over', async () => {
    await app.db.query(`INSERT INTO limits (key, count, expires_at) VALUES ('busy', 1, now() - interval '1 s')`);
    const runner = app.db.createQueryRunner();
    await runner.startTransaction();
    await runner.query(`SELECT 1 FROM limits WHERE key = 'busy' FOR UPDATE`);
    expect((await sweeper.sweep())['limits']).toBe(0);
    await runner.commitTransaction();
    await runner.release();
    expect((await sweeper.sweep())['limits']).toBe(1);
  });

  it('leaves everything to another process that is at it', async () => {
    const second = await startTestApp({ databaseUrl: app.databaseUrl });
    try {
      const runner = app.db.createQueryRunner();
      await runner.startTransaction();
      await runner.query('SELECT pg_advisory_xact_lock(7305116)');
      await app.db.query(`INSERT INTO limits (key, count, expires_at) VALUES ('later', 1, now() - interval '1 s')`);
      expect((await second.get(Sweeper).sweep())['limits']).toBe(0);
      await runner.rollbackTransaction();
      await runner.release();
      expect((await second.get(Sweeper).sweep())['limits']).toBe(1);
    } finally {
      await second.close();
    }
  });
});
