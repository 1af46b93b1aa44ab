import pg from 'pg';
import { encodeCursor } from '../src/common/paging.js';
import { FIRST_ADMIN } from '../test/support/first-accounts.js';
import { startTestApp, type TestApp } from '../test/support/app.js';
import type { World } from './lib/contender.js';
import { startPostern } from './lib/postern.js';
import { median, table } from './lib/table.js';

const TRIES = 21;

/** How long the lists take where there is very much to list, and that an index is what answers them. */
export async function lists(world: World, { rows }: { rows: number }) {
  const server = await startPostern(world);
  const db = new pg.Client({ connectionString: server.databaseUrl });
  await db.connect();
  // Another process of the same fleet, in this one, so that its statements can be read.
  const env = { TRUTH_LEASE_MS: '2000', PASSWORD_ITERATIONS: '220000' };
  const app = await startTestApp({ databaseUrl: server.databaseUrl, redisUrl: world.redisUrl, env });
  try {
    await fill(db, rows);
    const headers = await server.login(FIRST_ADMIN);
    const last = await lastCursors(db);
    const requests = {
      'users, first page': '/v1/users',
      'users, last page': `/v1/users?cursor=${last.users}`,
      'users by a prefix of few': '/v1/users?search=bulk77777',
      'users by a prefix of all': '/v1/users?search=bulk',
      'users by prefix, disabled': '/v1/users?search=bulk7&status=disabled',
      'disabled users': '/v1/users?status=disabled',
      'users of a role': '/v1/users?role=hundredth',
      'audit, first page': '/v1/audit',
      'audit, last page': `/v1/audit?cursor=${last.audit}`,
      'audit of one user': `/v1/audit?userid=${headers['x-user-id']}`,
      'audit of the usual action': '/v1/audit?action=login',
      'audit of a rare action': '/v1/audit?action=role.created',
      'audit of one user and action': `/v1/audit?userid=${last.busy}&action=logout`,
    };
    const measured: (string | number)[][] = [];
    const plans: string[] = [];
    for (const [name, path] of Object.entries(requests)) {
      const plan = await planOf(app, db, path, headers);
      plans.push(`${name}\n${plan.map((line) => `  ${line}`).join('\n')}`);
      measured.push([name, await milliseconds(server.url + path, headers), waysOf(plan), rowsLeftOut(plan)]);
    }
    const bytes = await bytesPerAuditRow(db);
    const slowest = Math.max(...measured.map(([, ms]) => ms as number));
    return {
      table: [
        table(['', 'ms (median)', 'found by', 'rows read and left out'], measured),
        `<details><summary>The plans</summary>\n\n\`\`\`text\n${plans.join('\n\n')}\n\`\`\`\n\n</details>`,
      ].join('\n\n'),
      line: `lists at ${rows} users and ${rows} audit rows: the slowest takes ${slowest.toFixed(1)} ms; a row of the audit takes ${bytes} bytes`,
    };
  } finally {
    await app.close();
    await db.end();
    await server.stop();
  }
}

async function fill(db: pg.Client, rows: number): Promise<void> {
  await db.query('SET statement_timeout = 0');
  await db.query(
    `INSERT INTO users (userid, username, status, created_at)
     SELECT gen_random_uuid(), 'bulk' || n, CASE WHEN n % 10000 = 0 THEN 'disabled' ELSE 'active' END,
       now() - n * interval '1 second' FROM generate_series(1, $1::int) AS n`,
    [rows],
  );
  await db.query(
    `WITH made AS (INSERT INTO roles (name, description) VALUES ('hundredth', 'Every hundredth user') RETURNING name)
     INSERT INTO user_roles (userid, role) SELECT userid, name FROM made, users WHERE username LIKE 'bulk%00'`,
  );
  await db.query(
    `INSERT INTO audit (at, action, actor, target, ip, request_id, detail)
     SELECT now() - n * interval '1 second', CASE WHEN n % 10 = 0 THEN 'logout' ELSE 'login' END, u.userid, u.userid,
       '203.0.113.7', gen_random_uuid(), '{"mode": "token"}' FROM generate_series(1, $1::int) AS n
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

/** The cursors after which 25 rows are left, and somebody with a hundredth of the audit. */
async function lastCursors(db: pg.Client): Promise<{ users: string; audit: string; busy: string }> {
  const cursorOf = async (table: string, time: string, id: string) => {
    const { rows } = await db.query<{ micros: string; id: string }>(
      `SELECT (extract(epoch FROM ${time}) * 1000000)::bigint AS micros, ${id}::text AS id
       FROM ${table} ORDER BY ${time}, ${id} OFFSET 25 LIMIT 1`,
    );
    return encodeCursor([rows[0]!.micros, rows[0]!.id]);
  };
  const { rows } = await db.query<{ actor: string }>(`SELECT actor FROM audit WHERE action = 'logout' LIMIT 1`);
  const [users, audit] = [await cursorOf('users', 'created_at', 'userid'), await cursorOf('audit', 'at', 'id')];
  return { users, audit, busy: rows[0]!.actor };
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

/** How PostgreSQL does what one such request asks of it: the statement over users or audit, explained as it is run. */
async function planOf(app: TestApp, db: pg.Client, path: string, headers: Record<string, string>): Promise<string[]> {
  const asked: { sql: string; parameters: unknown[] }[] = [];
  const query = app.db.query.bind(app.db);
  app.db.query = (sql: string, parameters: unknown[] = []) => {
    if (/FROM (?:users u|audit) WHERE/.test(sql)) asked.push({ sql, parameters });
    return query(sql, parameters);
  };
  const answer = await fetch(app.url + path, { headers });
  app.db.query = query;
  const [list, ...others] = asked;
  if (!answer.ok || list === undefined || others.length > 0)
    throw new Error(`${path}: ${answer.status}, ${asked.length}`);
  const explain = `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ${list.sql}`;
  const { rows } = await db.query<{ 'QUERY PLAN': string }>(explain, list.parameters);
  return rows.map((row) => row['QUERY PLAN']);
}

/** The indexes it goes by, or the tables that it scans. */
function waysOf(plan: readonly string[]): string {
  const ways = plan.flatMap((line) => /(?<=Scan.* using |Index Scan on )\w+|Seq Scan on \w+/.exec(line) ?? []);
  return [...new Set(ways)].join(', ');
}

/** Rows that were read and not wanted. */
function rowsLeftOut(plan: readonly string[]): number {
  const counts = plan.map((line) => /Rows Removed by (?:Join )?Filter: (\d+)/.exec(line)?.[1] ?? 0);
  return counts.reduce<number>((sum, count) => sum + Number(count), 0);
}
