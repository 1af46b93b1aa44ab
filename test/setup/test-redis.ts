import { createClient } from 'redis';
import { startRedis, type RedisServer } from '../support/redis-server.js';

/** Redis has this many databases unless it is told otherwise; the first is left to whoever gave us the server. */
const DATABASES = 16;

export interface TestRedis {
  readonly url: string;
  /** Undefined where TEST_REDIS_URL names a server, which is not ours to kill. */
  readonly server: RedisServer | undefined;
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A Redis for one test file: a server of its own, or with TEST_REDIS_URL a database of its own, emptied, on that
 * one. What kills or restarts its Redis uses `startRedis` itself.
 */
export async function createTestRedis(): Promise<TestRedis> {
  const given = process.env.TEST_REDIS_URL;
  if (given === undefined) {
    const server = await startRedis();
    return { url: server.url, server, flush: () => flush(server.url), stop: () => server.stop() };
  }
  const url = new URL(given);
  // Jest numbers the processes that run test files, one file at a time each, from 1.
  url.pathname = `${Number(process.env.JEST_WORKER_ID ?? 1) % DATABASES}`;
  await flush(url.href);
  return { url: url.href, server: undefined, flush: () => flush(url.href), stop: () => flush(url.href) };
}

async function flush(url: string): Promise<void> {
  const client = await createClient({ url }).connect();
  await client.flushDb();
  client.destroy();
}
