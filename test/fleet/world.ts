import { Agent, request } from 'node:http';
import { AuthorityService } from '../../src/authority/authority.service.js';
import { TruthService } from '../../src/authority/truth.service.js';
import { RedisService } from '../../src/redis/redis.service.js';
import { Fleet } from '../races/fleet.js';
import type { TestApp } from '../support/app.js';
import { eventually } from '../support/barrier.js';
import { expectStatus, type Reply, type TokenLogin } from '../support/client.js';

/** Calls under way at once. */
const LANES = 6;

export interface Where {
  /** Default: one of its own. */
  readonly redisUrl?: string;
  /** Default: one of its own. */
  readonly databaseUrl?: string;
  /** Default: that of the contract. */
  readonly leaseMs?: number;
  /** Beside that, of both. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of the second one beside or instead of that. */
  readonly secondEnv?: Readonly<Record<string, string>>;
}

/** Two processes with cheap hashes, on a Redis, and perhaps a Postgres, that the test may kill. */
export function startFleet({
  redisUrl,
  databaseUrl,
  leaseMs = 2000,
  env: more = {},
  secondEnv = {},
}: Where = {}): Promise<Fleet> {
  const env = {
    PASSWORD_ITERATIONS: '100',
    TRUTH_LEASE_MS: String(leaseMs),
    // What a round has ended without taking it out of Redis counts against the cap.
    SESSIONS_PER_USER: '100',
    // An admin's password is proved once, and a thousand changes may take longer than the usual five minutes.
    REAUTH_SECONDS: '3600',
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl, SESSION_STORE: 'redis' }),
    ...more,
  };
  // With 'redis' it would start one of its own.
  return Fleet.start({ store: redisUrl === undefined ? 'redis' : 'postgres', env, secondEnv });
}

/** Runs `work` for all of `items`, a few at a time; nothing is begun after the first that fails. */
export async function inLanes<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const todo = [...items.entries()];
  const lane = async () => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      const [at, item] = next;
      results[at] = await work(item, at);
    }
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
  } finally {
    todo.length = 0;
  }
  return results;
}

/** `make` for 0 to `count` - 1. */
export function times<R>(count: number, make: (index: number) => Promise<R>): Promise<R[]> {
  return inLanes(Array.from({ length: count }), (_, index) => make(index));
}

/** Kept connections: the many calls of these tests would else be spent on making new ones. */
const agent = new Agent({ keepAlive: true });

/** What this process says to a session: 204 where it is honoured, which Redis alone decides where a copy stands. */
export function ask({ url }: TestApp, { userid, accesstoken }: TokenLogin, path = '/v1/auth/check'): Promise<number> {
  const headers = { 'x-user-id': userid, authorization: `Bearer ${accesstoken}` };
  return new Promise((resolve, reject) => {
    const call = request(`${url}${path}`, { agent, headers });
    call.once('error', reject);
    call.once('response', (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode!));
    });
    call.end();
  });
}

/** The same, asked again while the process cannot decide: a machine that is busy with others may lose a lease. */
export async function decide(app: TestApp, as: TokenLogin, path?: string): Promise<number> {
  let status = 503;
  await eventually(async () => (status = await ask(app, as, path)) !== 503);
  return status;
}

/** What is answered at last: asked again where nothing has changed for want of a lease. */
export async function settled<T>(call: () => Promise<Reply<T>>): Promise<Reply<T>> {
  let reply = await call();
  await eventually(async () => {
    if (reply.code !== 'unavailable') return true;
    reply = await call();
    return false;
  });
  return reply;
}

/** Makes a change that must be answered with `status`, again where nothing has changed for want of a lease. */
export async function change<T>(status: number, call: () => Promise<Reply<T>>): Promise<T> {
  return expectStatus(await settled(call), status);
}

/** Resolves when both processes serve under another generation than that one. */
export async function adopted(fleet: Fleet, replaced: string): Promise<void> {
  await Promise.all(fleet.both.map((app) => app.get(TruthService).leftBehind(replaced, 20_000)));
}

/** The generation that the fleet serves under. */
export async function generationOf({ one }: Fleet): Promise<string> {
  const [row] = await one.db.query<{ generation: string }[]>('SELECT generation FROM generation');
  return row!.generation;
}

/** As if the fence of the last change had run out, after which copies are made again. */
export async function dropFence(fleet: Fleet, userid: string): Promise<void> {
  const key = AuthorityService.key(userid, await generationOf(fleet));
  await fleet.one.get(RedisService).at(key).client.del(key);
}

/** Whether a copy of what is true of the user stands in Redis, so that the next call is decided by it. */
export async function hasCopy(fleet: Fleet, userid: string): Promise<boolean> {
  const key = AuthorityService.key(userid, await generationOf(fleet));
  return Array.isArray(await fleet.one.get(RedisService).at(key).store.get(key));
}

/** One line for whoever reads the run. */
export function report(what: string, figures: Readonly<Record<string, unknown>>): void {
  const words = Object.entries(figures).map(([name, value]) => `${name} ${JSON.stringify(value).replaceAll('"', '')}`);
  process.stdout.write(`${what}: ${words.join(', ')}\n`);
}
