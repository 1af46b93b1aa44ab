import { AuthorityService } from '../../src/authority/authority.service.js';
import { TruthService } from '../../src/authority/truth.service.js';
import { RedisService } from '../../src/redis/redis.service.js';
import { Fleet } from '../races/fleet.js';
import type { TestApp } from '../support/app.js';
import { api, type Login } from '../support/client.js';

/** What two processes are started with; hashing is cheap, everything else as in every test application. */
const ENV = { PASSWORD_ITERATIONS: '100' };

/** Two processes on a Redis, and perhaps a Postgres, that the test may kill. */
export function startFleet(where: { redisUrl?: string; databaseUrl?: string; leaseMs?: number } = {}): Promise<Fleet> {
  const { redisUrl, databaseUrl, leaseMs } = where;
  const env = {
    ...ENV,
    ...(leaseMs === undefined ? {} : { TRUTH_LEASE_MS: String(leaseMs) }),
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl, SESSION_STORE: 'redis' }),
  };
  // With 'redis' it would start one of its own.
  return Fleet.start({ store: redisUrl === undefined ? 'redis' : 'postgres', env });
}

/** Runs `work` for all of `items`, `lanes` at a time. */
export async function inLanes<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  lanes = 8,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at]!, at);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

/** `make` for 0 to `count` - 1. */
export function times<R>(count: number, make: (index: number) => Promise<R>): Promise<R[]> {
  return inLanes(Array.from({ length: count }), (_, index) => make(index));
}

/** What this process says to a session: the status of a guarded call. */
export async function ask(app: TestApp, as: Login): Promise<number> {
  return (await api(app.url).get('/v1/users/me', { as })).status;
}

/** Resolves when both processes serve under another generation than the one that `begin` gave. */
export async function adopted(fleet: Fleet, replaced: string): Promise<void> {
  await Promise.all(fleet.both.map((app) => app.get(TruthService).leftBehind(replaced, 20_000)));
}

/** The generation that the fleet serves under. */
export function generationOf({ one }: Fleet): string {
  return one.get(TruthService).begin().generation;
}

/** As if the fence of the last change had run out, after which copies are made again. */
export async function dropFence({ one }: Fleet, userid: string): Promise<void> {
  await one.get(RedisService).client.del(AuthorityService.key(userid, one.get(TruthService).begin().generation));
}

/** Whether a copy of what is true of the user stands in Redis, so that the next call is decided by it. */
export async function hasCopy({ one }: Fleet, userid: string): Promise<boolean> {
  const key = AuthorityService.key(userid, one.get(TruthService).begin().generation);
  return Array.isArray(await one.get(RedisService).store.get(key));
}

/** One line for whoever reads the run. */
export function report(what: string, figures: Readonly<Record<string, unknown>>): void {
  const words = Object.entries(figures).map(([name, value]) => `${name} ${JSON.stringify(value).replaceAll('"', '')}`);
  process.stdout.write(`${what}: ${words.join(', ')}\n`);
}
