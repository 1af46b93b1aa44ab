import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { TruthService, type Ticket } from '../authority/truth.service.js';
import { Config } from '../config/config.js';
import { RedisService } from '../redis/redis.service.js';
import { RecordMap } from './record-map.js';

/** How often the masters are asked for a sign of life, in ms (design rule 13). */
const PING_MS = 250;
/** How long after an answer was asked for it vouches for what is in memory, in ms (rule 13). */
const VOUCHES_MS = 1000;
/** Sessions and copies together; about 1 kB each. */
const MOST_RECORDS = 100_000;

/** Everything under these prefixes is told to every process that tracks, at every change. */
const TRACKING_ON = ['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'session:', 'PREFIX', 'authority:'];

/**
 * Sessions and copies in this process's memory (`SESSION_CACHE=tracked`), taken back by Redis itself when they change.
 * Redis tells of changes on the very connections that the heartbeat confirms, so that a confirmed lease is one on what
 * is told too. Memory counts only under the ticket it was filled under, while that holds and every master has just
 * answered. Another ticket, be it for a generation, a connection or a lease that had run out, empties it and closes the
 * connections.
 */
@Injectable()
export class NearCache implements OnModuleInit, OnModuleDestroy {
  readonly records = new RecordMap(MOST_RECORDS);
  private readonly logger = new Logger(NearCache.name);
  private readonly on: boolean;
  private timer: NodeJS.Timeout | undefined;
  /** What memory is filled under; null while nothing may be kept. */
  private ticket: Ticket | null = null;
  /** The number of the connections on which Redis tells of changes. */
  private trackedConnection = -1;
  private vouchedUntil = 0;
  private pinging = false;

  constructor(
    config: Config,
    private readonly redis: RedisService,
    private readonly truth: TruthService,
  ) {
    this.on = config.sessionCache === 'tracked';
    if (!this.on) return;
    // Not in onModuleInit: the first connection may be open before that is called, and would never tell of changes.
    redis.onReady(() => void this.track());
    redis.onDropped(() => this.close());
  }

  /** True while memory may answer what was asked under this ticket, whose lease holds. */
  serves(ticket: Ticket): boolean {
    return ticket === this.ticket && performance.now() < this.vouchedUntil;
  }

  onModuleInit(): void {
    if (this.on) this.timer = setInterval(() => void this.tick(), PING_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
    this.close();
  }

  /** Asks every master to tell of changes. While one does not, nothing is kept. */
  private async track(): Promise<void> {
    const { connection, masters } = this.redis;
    for (const { client } of masters) client.on('invalidate', (key: Buffer | null) => this.invalidate(key));
    try {
      await Promise.all(
        masters.map(async ({ client }) => {
          // node-redis has turned it on in its other mode, in which Redis remembers every key for every client.
          await client.sendCommand(['CLIENT', 'TRACKING', 'OFF']);
          await client.sendCommand(TRACKING_ON);
        }),
      );
      this.trackedConnection = connection;
    } catch (error) {
      this.logger.warn({ err: error }, 'Redis does not tell of changes: nothing is kept in memory');
    }
  }

  /** Null: everything may have changed, as after FLUSHALL. */
  private invalidate(key: Buffer | null): void {
    if (key === null) this.records.clear();
    else this.records.forget(key.toString());
  }

  private async tick(): Promise<void> {
    const held = this.truth.held;
    if (this.ticket !== null && this.ticket !== held) {
      const { connection } = this.ticket;
      this.close();
      // What told of changes through that time may have missed some.
      if (connection === this.redis.connection) this.redis.reconnect();
      return;
    }
    if (held?.connection !== this.trackedConnection) return;
    this.ticket = held;
    await this.ping();
  }

  private async ping(): Promise<void> {
    if (this.pinging) return;
    this.pinging = true;
    const { connection, masters } = this.redis;
    const askedAt = performance.now();
    try {
      await Promise.all(masters.map(({ client }) => client.ping()));
      if (connection === this.redis.connection) this.vouchedUntil = askedAt + VOUCHES_MS;
    } catch {
      // Memory falls silent by itself; the heartbeat says what becomes of the connection.
    } finally {
      this.pinging = false;
    }
  }

  private close(): void {
    this.ticket = null;
    this.vouchedUntil = 0;
    this.records.clear();
  }
}
