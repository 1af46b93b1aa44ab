import { Script, type Nodes } from '../redis/script.js';
import { LimitStore, RUN, type Outcome, type WindowRule } from './limit-store.js';

/** ARGV: limit, window in ms. The value is the count, the TTL is the window. */
const TAKE = new Script(`
local count = tonumber(redis.call('GET', KEYS[1]) or 0)
if count >= tonumber(ARGV[1]) then return {0, math.max(redis.call('PTTL', KEYS[1]), 1), ''} end
count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {1, count, string.format('%.0f', redis.call('PEXPIRETIME', KEYS[1]))}
`);

/** ARGV: the end of the window that was taken from. */
const GIVE_BACK = new Script(`
if string.format('%.0f', redis.call('PEXPIRETIME', KEYS[1])) ~= ARGV[1] then return 0 end
if redis.call('DECR', KEYS[1]) < 1 then redis.call('DEL', KEYS[1]) end
return 1
`);

/**
 * ARGV: free tries, first wait, longest wait, quiet, how long ago the try came; all times in ms. `until` is the end
 * of the wait in Unix ms, 0 for none. The exponent is below 0, and the wait therefore 0, for the free tries.
 */
const RESERVE_TRY = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = redis.call('HMGET', KEYS[1], 'count', 'until')
local before = tonumber(run[1] or 0)
local waiting = tonumber(run[2] or 0) - now
if waiting > -ARGV[5] then return {0, math.max(waiting, 1), ''} end
local wait = math.min(ARGV[2] * math.floor(2 ^ math.min(before - ARGV[1], 30)), tonumber(ARGV[3]))
local till = string.format('%.0f', wait > 0 and now + wait or 0)
redis.call('HSET', KEYS[1], 'count', before + 1, 'until', till)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', wait + ARGV[4]))
return {1, before + 1, till}
`);

/** ARGV: the end of the wait that the try started. */
const GIVE_BACK_TRY = new Script(`
local run = redis.call('HMGET', KEYS[1], 'count', 'until')
if not run[1] then return 0 end
if tonumber(run[1]) <= 1 then return redis.call('DEL', KEYS[1]) end
redis.call('HINCRBY', KEYS[1], 'count', -1)
if run[2] == ARGV[1] then redis.call('HSET', KEYS[1], 'until', '0') end
return 1
`);

/**
 * The counters in Redis, each one key `limit:*` that always has a TTL. Scripts touch the one key they are given
 * and take the time from Redis.
 */
export class RedisLimitStore extends LimitStore {
  constructor(private readonly redis: Nodes) {
    super();
  }

  override async take(key: string, { limit, windowMs }: WindowRule): Promise<Outcome> {
    return outcome(await this.run(TAKE, key, limit, windowMs));
  }

  override async giveBack(key: string, receipt: string): Promise<void> {
    await this.run(GIVE_BACK, key, receipt);
  }

  override async reserveTry(key: string, since: number): Promise<Outcome> {
    const { freeTries, firstWaitMs, longestWaitMs, quietMs } = RUN;
    const ago = Math.floor(performance.now() - since);
    return outcome(await this.run(RESERVE_TRY, key, freeTries, firstWaitMs, longestWaitMs, quietMs, ago));
  }

  override async giveBackTry(key: string, receipt: string): Promise<void> {
    await this.run(GIVE_BACK_TRY, key, receipt);
  }

  override async clear(key: string): Promise<void> {
    const whole = redisKey(key);
    await this.redis.at(whole).client.del(whole);
  }

  private run(script: Script, key: string, ...args: (string | number)[]): Promise<unknown> {
    return script.run(this.redis, [redisKey(key)], args);
  }
}

function redisKey(key: string): string {
  return `limit:${key}`;
}

/** Reads `{1, count, receipt}` or `{0, ms to wait, ''}`. */
function outcome(reply: unknown): Outcome {
  const [taken, number, receipt] = reply as [number, number, string];
  return taken === 1 ? { taken: true, count: number, receipt } : { taken: false, waitMs: number };
}
