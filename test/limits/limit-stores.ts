import { createClient } from 'redis';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source.js';
import type { LimitStore } from '../../src/limits/limit-store.js';
import { PostgresLimitStore } from '../../src/limits/postgres-limit-store.js';
import { RedisLimitStore } from '../../src/limits/redis-limit-store.js';
import type { RedisClient } from '../../src/redis/redis-client.js';
import { createTestDatabase } from '../setup/test-database.js';
import { createTestRedis } from '../setup/test-redis.js';

/** A store as two processes see it, and ways to let time pass for what it holds. */
export interface StoreUnderTest {
  readonly first: LimitStore;
  /** Another connection to the same data, as of another process. */
  readonly second: LimitStore;
  /** The database, where it is the store. */
  readonly dataSource?: DataSource;
  /** Everything becomes that much older; what is over then is gone or counts as gone. */
  age(ms: number): Promise<void>;
  /** Ms until each key is over; 0 or less where it is already, NaN where it never will be. */
  lifetimes(): Promise<Record<string, number>>;
  /** Empties it. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export type OpenStore = () => Promise<StoreUnderTest>;

export const STORES: readonly (readonly [name: string, open: OpenStore])[] = [
  ['Redis', openRedis],
  ['Postgres', openPostgres],
];

async function openRedis(): Promise<StoreUnderTest> {
  const redis = await createTestRedis();
  const clients = await Promise.all([connect(redis.url), connect(redis.url)]);
  const [client, other] = clients as [RedisClient, RedisClient];
  return {
    first: new RedisLimitStore({ at: () => ({ client }) }),
    second: new RedisLimitStore({ at: () => ({ client: other }) }),
    age: async (ms) => {
      for (const key of await client.keys('limit:*')) await ageRedisKey(client, key, ms);
    },
    lifetimes: async () => {
      const keys = await client.keys('limit:*');
      const left = await Promise.all(keys.map((key) => client.pTTL(key)));
      return Object.fromEntries(keys.map((key, i) => [key.slice('limit:'.length), left[i] === -1 ? NaN : left[i]!]));
    },
    reset: () => redis.flush(),
    close: async () => {
      clients.forEach((one) => one.destroy());
      await redis.stop();
    },
  };
}

async function connect(url: string): Promise<RedisClient> {
  const client = createClient({ url, disableOfflineQueue: true });
  client.on('error', () => undefined);
  return await client.connect();
}

async function ageRedisKey(client: RedisClient, key: string, ms: number): Promise<void> {
  if ((await client.type(key)) === 'hash') {
    const until = Number(await client.hGet(key, 'until'));
    if (until > 0) await client.hSet(key, 'until', `${until - ms}`);
  }
  // A TTL of 0 or less deletes the key.
  await client.pExpire(key, (await client.pTTL(key)) - ms);
}

/** The service's own pool, but with the patience that 200 tries at once need on a busy machine. */
export function openDataSource(url: string): Promise<DataSource> {
  const options = dataSourceOptions(url);
  const extra = { ...(options.extra as object), connectionTimeoutMillis: 20_000, query_timeout: 20_000 };
  return new DataSource({ ...options, extra } as typeof options).initialize();
}

async function openPostgres(): Promise<StoreUnderTest> {
  const database = await createTestDatabase();
  const sources = await Promise.all([1, 2].map(() => openDataSource(database.url)));
  const [source, other] = sources as [DataSource, DataSource];
  return {
    first: new PostgresLimitStore(source),
    second: new PostgresLimitStore(other),
    dataSource: source,
    age: async (ms) => {
      await source.query(
        `UPDATE limits SET wait_until = wait_until - $1::float8 * interval '1 millisecond',
           expires_at = expires_at - $1::float8 * interval '1 millisecond'`,
        [ms],
      );
    },
    lifetimes: async () => {
      const rows: { key: string; left: string }[] = await source.query(
        'SELECT key, extract(epoch FROM expires_at - now()) * 1000 AS left FROM limits',
      );
      return Object.fromEntries(rows.map(({ key, left }) => [key, Number(left)]));
    },
    reset: async () => {
      await source.query('TRUNCATE limits');
    },
    close: async () => {
      await Promise.all(sources.map((one) => one.destroy()));
      await database.drop();
    },
  };
}
