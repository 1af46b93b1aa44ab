import pg from 'pg';
import { encodeCursor } from '../src/common/paging.js';
import { FIRST_ADMIN } from '../test/support/first-accounts.js';
import type { World } from './lib/contender.js';
import { startPostern } from './lib/postern.js';
import { median, table } from './lib/table.js';

const TRIES = 21;

/** How long the lists take where there is very much to list, and that an index is what answers them. */
export async function lists(world: World, { rows }: { rows: number }) {
  const server = await startPostern(world);
  const db = new pg.Client({ connectionString: server.databaseUrl });
  await db.connect();
  try {
    await fill(db, rows);
    const headers = await server.login(FIRST_ADMIN);
    const last = await lastCursors(db);
    const requests = {
      'users, first page': '/v1/users',
      'users, last page': `/v1/users?cursor=${last.users}`,
      'users by prefix': '/v1/users?search=bulk77',
      'users by prefix, disabled': '/v1/users?search=bulk7&status=disabled',
      'users of a role': '/v1/users?role=admin',
      'audit, first page': '/v1/audit',
      'audit, last page': `/v1/audit?cursor=${last.audit}`,
      'audit of one user': `/v1/audit?userid=${headers['x-user-id']}`,
      'audit of one action': '/v1/audit?action=login',
    };
    const measured = [];
    for (const [name, path] of Object.entries(requests)) {
      measured.push([
        name,
        await milliseconds(server.url + path, headers),
        await scansOf(db, server.url + path, headers),
      ]);
    }
    const bytes = await bytesPerAuditRow(db);
    const slowest = Math.max(...measured.map(([, ms]) => ms as number));
    return {
      table: table(['', 'ms (median)', 'how Postgres finds the rows'], measured as (string | number)[][]),
      line: `lists at ${rows} users and ${rows} audit rows: the slowest takes ${slowest.toFixed(1)} ms; a row of the audit takes ${bytes} bytes`,
    };
  } finally {
    await db.end();
    await server.stop();
  }
}

async function fill(db: pg.Client, rows: number): Promise<void> {
  await db.query('SET statement_timeout = 0');
  await db.query(
    `INSERT INTO users (userid, username, status, created_at)
     SELECT gen_random_uuid(), 'bulk' || n, CASE WHEN n % 50 = 0 THEN 'disabled' ELSE 'active' END,
       now() - n * interval '1 second' FROM generate_series(1, $1::int) AS n`,
    [rows],
  );
  await db.query(
    `INSERT INTO audit (at, action, actor, target, ip, request_id)
     SELECT now() - n * interval '1 second', CASE WHEN n % 10 = 0 THEN 'logout' ELSE 'login' END, u.userid, u.userid,
       '203.0.113.7', 'bulk' FROM generate_series(1, $1::int) AS n
       JOIN LATERAL (SELECT userid FROM users OFFSET n % 100 LIMIT 1) AS u ON true`,
    [rows],
  );
  await db.query('VACUUM ANALYZE');
}

/** With its indexes. */
async function bytesPerAuditRow(db: pg.Client): Promise<string> {
  const { rows } = await db.query<{ bytes: string }>(
    `SELECT pg_total_relation_size('audit') / count(*) AS bytes FROM audit`,
  );
  return rows[0]!.bytes;
}

/** The cursor after which 25 rows are left. */
async function lastCursors(db: pg.Client): Promise<{ users: string; audit: string }> {
  const cursorOf = async (table: string, time: string, id: string) => {
    const { rows } = await db.query<{ micros: string; id: string }>(
      `SELECT (extract(epoch FROM ${time}) * 1000000)::bigint AS micros, ${id}::text AS id
       FROM ${table} ORDER BY ${time}, ${id} OFFSET 25 LIMIT 1`,
    );
    return encodeCursor([rows[0]!.micros, rows[0]!.id]);
  };
  return { users: await cursorOf('users', 'created_at', 'userid'), audit: await cursorOf('audit', 'at', 'id') };
}

async function milliseconds(url: string, headers: Record<string, string>): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < TRIES; turn += 1) {
    const start = performance.now();
    const answer = await fetch(url, { headers });
    await answer.text();
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    times.push(performance.now() - start);
  }
  return median(times);
}

/** Which tables were scanned whole for one such request, as the server's own statistics count it. */
async function scansOf(db: pg.Client, url: string, headers: Record<string, string>): Promise<string> {
  const before = await scans(db);
  await (await fetch(url, { headers })).text();
  // Backends report what they did at most once a second, when they are idle.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const after = await scans(db);
  const whole = Object.keys(after).filter((table) => after[table]! > (before[table] ?? 0));
  return whole.length === 0 ? 'by index' : `scans ${whole.join(', ')}`;
}

async function scans(db: pg.Client): Promise<Record<string, number>> {
  const { rows } = await db.query<{ relname: string; seq_scan: string }>(
    `SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN ('users', 'audit')`,
  );
  return Object.fromEntries(rows.map(({ relname, seq_scan }) => [relname, Number(seq_scan)]));
}
