import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import type { RedisServer } from '../redis/redis-node.js';
import type { RedisService } from '../redis/redis.service.js';
import { StartupError } from './startup-error.js';

/** How long the start waits for an answer before it goes on un-ready, and how often it looks, in ms. */
const PATIENCE_MS = 1500;
const LOOK_MS = 10;

/** The contract's oldest Redis. */
const OLDEST_MAJOR = 7;

/**
 * Looks whether Redis is fit to keep sessions: version 7.0 or later, and nothing is dropped when it is full. One that
 * is away is waited for by the service, un-ready; it is looked at when it comes, and `onUnfit` is told.
 * @throws StartupError where it is there and unfit.
 */
export async function requireRedis(
  redis: RedisService,
  logger: Logger,
  onUnfit: (reason: string) => void,
): Promise<void> {
  if (!redis.enabled) return;
  const fault = await faultIfThere(redis);
  if (fault !== null) throw new StartupError(fault);
  if (!redis.ready) logger.warn({ context: 'Start' }, 'waiting for Redis: until it is there nobody is let in');
  redis.onReady(() => void faultIfThere(redis).then((reason) => reason !== null && onUnfit(reason)));
}

async function faultIfThere(redis: RedisService): Promise<string | null> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!redis.ready && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  if (!redis.ready) return null;
  try {
    return faultOf(await redis.inspect(), redis.mode);
  } catch {
    // It has gone again; the heartbeat goes on asking.
    return null;
  }
}

function faultOf({ version, mode, maxmemoryPolicy }: RedisServer, wanted: Config['redisMode']): string | null {
  const standing = wanted === 'cluster' ? 'cluster' : 'standalone';
  if (mode !== standing) return `REDIS_URL, REDIS_MODE: ${wanted} was asked for, and there is a server of mode ${mode}`;
  if (Number.parseInt(version) < OLDEST_MAJOR) return `REDIS_URL: Redis is version ${version}, needed is 7.0 or later`;
  if (maxmemoryPolicy !== undefined && maxmemoryPolicy !== 'noeviction') {
    return `REDIS_URL: maxmemory-policy is ${maxmemoryPolicy}, which drops sessions; needed is noeviction`;
  }
  return null;
}
