import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { redisInsStore, type RedisStore } from 'cache-manager-redis-yet';
import { createClient } from 'redis';
import { Config } from '../config/config.js';

/** Reconnects come at most 250 ms apart (design section 3, rule 1), the first at once, with some jitter. */
const RECONNECT_MAX_MS = 250;

function buildClient(url: string, leaseMs: number) {
  return createClient({
    url,
    // Nothing is queued for, or repeated on, a later connection: what was not answered has failed.
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 500,
      // Ends a handshake that hangs; on a live connection the heartbeat, twice as frequent, keeps it from firing.
      socketTimeout: Math.ceil(leaseMs / 2),
      reconnectStrategy: (retries) => Math.min(20 * 2 ** retries, RECONNECT_MAX_MS - 50) + (retries % 5) * 10,
    },
  });
}

export type RedisClient = ReturnType<typeof buildClient>;

/** What a heartbeat wants to know of a server. */
export interface RedisServer {
  readonly isMaster: boolean;
  /** Changes with every restart, promotion and re-pointing. */
  readonly lineage: string;
  readonly version: string;
  /** `undefined` where the server does not say. */
  readonly maxmemoryPolicy: string | undefined;
}

/** The one connection of this process to Redis; only used where sessions are kept there. */
@Injectable()
export class RedisService implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(RedisService.name);
  private readonly instance: RedisClient | undefined;
  private readonly cacheStore: RedisStore | undefined;
  private readonly readyListeners: (() => void)[] = [];
  private closing = false;
  /** What Redis's clock said, in Unix ms, and when it was asked, on ours that never jumps. */
  private clock: { readonly redisMs: number; readonly askedAt: number } | undefined;

  constructor(config: Config) {
    if (config.sessionStore !== 'redis' || config.redisUrl === undefined) return;
    this.instance = buildClient(config.redisUrl, config.truthLeaseMs);
    // Without a listener a lost Redis would end the process.
    this.instance.on('error', (error: Error) => this.logger.warn({ err: error }, 'Redis connection'));
    this.instance.on('ready', () => this.readyListeners.forEach((listener) => listener()));
    this.cacheStore = redisInsStore(this.instance);
  }

  /** True where this process keeps sessions in Redis. */
  get enabled(): boolean {
    return this.instance !== undefined;
  }

  get client(): RedisClient {
    if (this.instance === undefined) throw new Error('no Redis is configured');
    return this.instance;
  }

  /** cache-manager's view of the same connection: get, set, mget and del of JSON values. */
  get store(): RedisStore {
    if (this.cacheStore === undefined) throw new Error('no Redis is configured');
    return this.cacheStore;
  }

  /** The number of the connection in use: what was learned of one connection says nothing of the next. */
  get connection(): number {
    return this.instance?.socketEpoch ?? 0;
  }

  /** True while a connection is open; whether its server is the right one is for the heartbeat to say. */
  get ready(): boolean {
    return this.instance?.isReady ?? false;
  }

  /** Calls `listener` after every new connection. */
  onReady(listener: () => void): void {
    this.readyListeners.push(listener);
  }

  onModuleInit(): void {
    // Never awaited: a service that starts before its Redis waits for it un-ready instead of dying.
    if (this.instance) void this.connect();
  }

  /** Drops a connection that does not answer or is somebody else's, failing all that waits on it, and dials anew. */
  reconnect(): void {
    // While it is not ready node-redis is dialling already.
    if (!this.instance?.isReady || this.closing) return;
    this.instance.destroy();
    void this.connect();
  }

  /** Redis's time in Unix ms, by what it told the last heartbeat: never behind it, ahead by a round trip at most. */
  get nowMs(): number {
    if (this.clock === undefined) throw new Error('Redis has not told its time yet');
    return this.clock.redisMs + performance.now() - this.clock.askedAt;
  }

  /** Asks the server, on the connection in use, what it is. Throws where it does not answer. */
  async inspect(): Promise<RedisServer> {
    const askedAt = performance.now();
    const info = parseInfo(await this.client.sendCommand<string>(['INFO', 'server', 'replication', 'memory']));
    this.clock = { redisMs: Number(info['server_time_usec']) / 1000, askedAt };
    return {
      isMaster: info['role'] === 'master',
      lineage: `${info['run_id']}:${info['master_replid']}`,
      version: info['redis_version'] ?? '0',
      maxmemoryPolicy: info['maxmemory_policy'],
    };
  }

  onModuleDestroy(): void {
    this.closing = true;
    if (this.instance?.isOpen) this.instance.destroy();
  }

  private async connect(): Promise<void> {
    try {
      await this.client.connect();
    } catch (error) {
      if (!this.closing) this.logger.error({ err: error }, 'Redis connection given up');
    }
  }
}

function parseInfo(text: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1);
  }
  return fields;
}
