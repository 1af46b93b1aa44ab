import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { createClient } from 'redis';
import { hashSecret, makeToken } from '../src/common/secret-token.js';
import { SessionStore } from '../src/sessions/session-store.js';
import { startTestApp, type TestApp } from '../test/support/app.js';
import { startRedis } from '../test/support/redis-server.js';
import { residentMebibytes, type Request, type World } from './lib/contender.js';
import { costOf } from './lib/load.js';
import { startPostern, type RunningPostern } from './lib/postern.js';
import { median, table } from './lib/table.js';

const AT_ONCE = 256;
const PER_USER = 20;
/** As many again after the first measurement: does a call cost the same among so many? */
const CROWD = 10;

/** What a session takes in Redis, and whether a call costs more where there are many. */
export async function memory(world: World, { sessions }: { sessions: number }) {
  const redis = await startRedis();
  // What production refuses it cannot log in with: the same strength for both.
  const env = { TRUTH_LEASE_MS: '10000', PASSWORD_ITERATIONS: '220000' };
  const app = await startTestApp({ redisUrl: redis.url, store: 'redis', env });
  try {
    const single = await bytesEach(redis.url, () => fill(app, sessions, 1));
    const many = await bytesEach(redis.url, () => fill(app, sessions, PER_USER));
    const beside = await startPostern(
      { ...world, redisUrl: redis.url, newMigratedDatabase: async () => app.databaseUrl },
      env,
    );
    try {
      const rows = [
        ['Bytes per session, one each', single],
        [`Bytes per session, ${PER_USER} each`, many],
        ['Memory of a process after its start, MiB', residentMebibytes(beside.pid)],
      ];
      rows.push(['Bytes per user in PostgreSQL, with one apitoken', await bytesPerUser(beside, sessions)]);
      const before = await microsPerCall(beside, beside.told);
      await fill(app, sessions * CROWD, 1);
      const after = await microsPerCall(beside, beside.told);
      rows.push([`µs CPU per call, ${2 * sessions} sessions in Redis`, before]);
      rows.push([`µs CPU per call, ${(2 + CROWD) * sessions} sessions in Redis`, after]);
      const headers = await logInOften(beside, PER_USER);
      const often = await microsPerCall(beside, { ...beside.told, headers });
      rows.push([`µs CPU per call, among as many, of a user with ${PER_USER} sessions`, often]);
      rows.push(['Memory of the process after these calls, MiB', residentMebibytes(beside.pid)]);
      return { table: table(['', ''], rows), line: `Redis: ${single.toFixed(0)} bytes per session (goal 373)` };
    } finally {
      await beside.stop();
    }
  } finally {
    await app.close();
    await redis.stop();
  }
}

/** Sessions through the store itself, as a login opens them. */
async function fill(app: TestApp, count: number, perUser: number): Promise<void> {
  const store = app.get(SessionStore);
  let userid = randomUUID();
  const apitokenId = makeToken().id;
  for (let made = 0; made < count; made += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - made) }, (_, at) => {
      if ((made + at) % perUser === 0) userid = randomUUID();
      const { id, secret } = makeToken();
      return store.create({
        sid: id,
        userid,
        secretHash: hashSecret(secret),
        mode: 'token',
        epoch: '0.0',
        apitokenId,
        ip: '203.0.113.77',
        userAgent: 'PosternApp/1.4.2 (iPhone; iOS 19.1)',
        deviceName: null,
        idleMs: 3_600_000,
        absoluteMs: 86_400_000,
        notAfter: null,
        authTime: null,
      });
    });
    await Promise.all(batch);
  }
}

/** How much `used_memory` of Redis grew per session. */
async function bytesEach(url: string, filling: () => Promise<void>): Promise<number> {
  const before = await usage(url);
  await filling();
  const after = await usage(url);
  return (after.bytes - before.bytes) / (after.sessions - before.sessions);
}

/** Tables and indexes, as bulk rows leave them: neither emptied places nor audit are in it. */
async function bytesPerUser(server: RunningPostern, count: number): Promise<number> {
  const db = new pg.Client({ connectionString: server.databaseUrl });
  await db.connect();
  const size = async () => {
    const { rows } = await db.query<{ bytes: string }>(
      `SELECT pg_total_relation_size('users') + pg_total_relation_size('apitokens') AS bytes`,
    );
    return Number(rows[0]!.bytes);
  };
  const before = await size();
  await server.accounts(count);
  const bytes = (await size()) - before;
  await db.end();
  return bytes / count;
}

async function usage(url: string): Promise<{ bytes: number; sessions: number }> {
  const client = await createClient({ url }).connect();
  const bytes = Number(/used_memory:(\d+)/.exec(await client.info('memory'))![1]);
  let sessions = 0;
  for await (const keys of client.scanIterator({ MATCH: 'session:*', COUNT: 5000 })) sessions += keys.length;
  client.destroy();
  return { bytes, sessions };
}

/** The headers of the last session. */
async function logInOften(server: RunningPostern, times: number): Promise<Record<string, string>> {
  const [account] = await server.accounts(1);
  let headers = {};
  for (let time = 0; time < times; time += 1) headers = await server.login(account!);
  return headers;
}

async function microsPerCall(server: RunningPostern, call: Request): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    const { micros } = await costOf(server, call, { connections: 32, seconds: 3 });
    if (round > 0) rounds.push(micros);
  }
  return median(rounds);
}
