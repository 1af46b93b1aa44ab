import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Problem, unavailable } from '../common/problem.js';
import { Config } from '../config/config.js';
import type { RedisServer } from '../redis/redis-node.js';
import { RedisService } from '../redis/redis.service.js';
import { replaceLineage } from './generation.js';
import { TruthProbe, type PostgresTruth } from './truth-probe.js';

/**
 * What a request works under: one lease without a gap, in one generation, on one set of connections. Worth something
 * only while `TruthService.holds` says so.
 */
export interface Ticket {
  readonly generation: string;
  /** Number of the Redis connections that were confirmed. */
  readonly connection: number;
}

/** How long a change that is committed tries to make itself known before the answer is `outcome_unknown`. */
const SETTLE_MS = 2000;

/**
 * Says whether this process may decide anything right now (design rules 1 to 4). Four times per lease it
 * confirms with Postgres and Redis that they are still the pair of the generation it serves; the lease runs from the
 * moment the question was sent, on the monotonic clock. Without a lease everything is 503.
 */
@Injectable()
export class TruthService implements OnModuleDestroy {
  private readonly logger = new Logger(TruthService.name);
  private readonly leaseMs: number;
  /** Postgres alone needs no wait: every call asks it anyway. */
  private readonly adoptionMs: number;
  private ticket: Ticket | null = null;
  private leaseUntil = 0;
  /** The generation that this process has adopted. */
  private known: string | null = null;
  private pending: { generation: string; adoptAt: number } | null = null;
  /** The Redis connection on which a heartbeat has found the lineage of the row, once. */
  private confirmedConnection = -1;
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> | null = null;
  private stopped = true;
  /** What Postgres's clock said, and when it was asked, on ours that never jumps. */
  private clock: { readonly postgresMs: number; readonly askedAt: number } | undefined;
  private draining = false;
  private schemaOurs = false;
  private readonly answered = { postgres: false, redis: false };
  private fatalListener: ((reason: string) => void) | undefined;

  constructor(
    private readonly config: Config,
    private readonly redis: RedisService,
    private readonly probe: TruthProbe,
  ) {
    this.leaseMs = config.truthLeaseMs;
    this.adoptionMs = redis.enabled ? config.truthLeaseMs : 0;
    redis.onReady(() => void this.kick());
  }

  /** Starts the heartbeat; the schema and the generation's row must be there. */
  start(): void {
    this.stopped = false;
    void this.kick();
  }

  /** Calls `listener` where this process must not go on: it is configured otherwise than the others. */
  onFatal(listener: (reason: string) => void): void {
    this.fatalListener = listener;
  }

  /** From now on un-ready, though requests are still served: for the time between SIGTERM and the close. */
  drain(): void {
    this.draining = true;
  }

  /** What `GET /readyz` says. */
  get ready(): boolean {
    return !this.draining && this.schemaOurs && this.ticket !== null && this.holds(this.ticket);
  }

  /** Postgres's time in Unix ms, by what it told the last heartbeat: never behind it, ahead by a round trip at most. */
  get postgresNowMs(): number {
    if (this.clock === undefined) throw new Error('Postgres has not told its time yet');
    return this.clock.postgresMs + performance.now() - this.clock.askedAt;
  }

  /** Seconds since what the lease rests on was asked; null where nothing was ever confirmed. */
  get leaseAgeSeconds(): number | null {
    return this.leaseUntil === 0 ? null : (performance.now() - this.leaseUntil + this.leaseMs) / 1000;
  }

  /** Whether each of the two answered the last heartbeat; with sessions in Postgres there is no Redis to answer. */
  get dependencies(): { readonly postgres: boolean; readonly redis: boolean | null } {
    return { postgres: this.answered.postgres, redis: this.redis.enabled ? this.answered.redis : null };
  }

  /** What is worked under now; null without a lease. */
  get held(): Ticket | null {
    return this.ticket !== null && this.holds(this.ticket) ? this.ticket : null;
  }

  /** What to work under; 503 `unavailable` without a lease. */
  begin(): Ticket {
    if (this.ticket === null || !this.holds(this.ticket)) throw unavailable();
    return this.ticket;
  }

  /** True while the lease runs under which `ticket` was given: two comparisons, asked after every reply of Redis. */
  holds(ticket: Ticket): boolean {
    return ticket === this.ticket && performance.now() < this.leaseUntil && ticket.connection === this.redis.connection;
  }

  /** 503 unless the lease still runs. */
  require(ticket: Ticket): void {
    if (!this.holds(ticket)) throw unavailable();
  }

  /**
   * Makes a committed change known: runs `tell` under the current generation until it has succeeded while the lease
   * ran; after 2 s in vain 503 `outcome_unknown` (design rules 7 and 8).
   */
  async settle(tell: (generation: string) => Promise<void>): Promise<void> {
    const deadline = performance.now() + SETTLE_MS;
    for (;;) {
      try {
        const ticket = this.begin();
        await tell(ticket.generation);
        this.require(ticket);
        return;
      } catch (error) {
        if (performance.now() > deadline) throw new Problem('outcome_unknown', { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /**
   * Resolves when this process serves under another generation than `replaced`, which is one lease after it learned
   * it: by then nobody serves under the old one. 503 `outcome_unknown` after `maxMs`.
   */
  async leftBehind(replaced: string, maxMs: number): Promise<void> {
    const deadline = performance.now() + maxMs;
    void this.kick();
    while (this.ticket === null || this.ticket.generation === replaced || !this.holds(this.ticket)) {
      if (performance.now() > deadline) throw new Problem('outcome_unknown');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** A heartbeat now rather than at the next tick; resolves when one that began after the call is over. */
  async kick(): Promise<void> {
    if (this.stopped) return;
    await this.beating;
    clearTimeout(this.timer);
    this.beating ??= this.beat().finally(() => {
      this.beating = null;
      this.schedule();
    });
    await this.beating;
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    this.ticket = null;
    clearTimeout(this.timer);
    await this.beating;
    await this.probe.close();
  }

  private schedule(): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    const untilAdoption = this.pending === null ? Infinity : Math.max(1, this.pending.adoptAt - performance.now());
    this.timer = setTimeout(() => void this.kick(), Math.min(this.leaseMs / 4, untilAdoption));
  }

  private async beat(): Promise<void> {
    const sentAt = performance.now();
    const connection = this.redis.connection;
    try {
      // Both to their end: a question left open would meet the next one on the same connection.
      const answers = await Promise.allSettled([this.probe.postgres(), this.probe.redis()]);
      this.answered.postgres = answers[0].status === 'fulfilled';
      this.answered.redis = answers[1].status === 'fulfilled';
      const [postgres, server] = [valueOf(answers[0]), valueOf(answers[1])];
      if (this.stopped || connection !== this.redis.connection) return;
      await this.judge(postgres, server, sentAt, connection);
    } catch (error) {
      this.logger.warn({ err: error }, 'heartbeat failed');
    }
  }

  private async judge(
    postgres: PostgresTruth,
    server: RedisServer | null,
    sentAt: number,
    connection: number,
  ): Promise<void> {
    this.schemaOurs = postgres.schemaOurs;
    this.clock = { postgresMs: postgres.nowMs, askedAt: sentAt };
    if (postgres.lease_ms !== this.leaseMs || postgres.store !== this.config.sessionStore) {
      this.ticket = null;
      this.fatalListener?.('another TRUTH_LEASE_MS or SESSION_STORE is in force: npm run admin -- new-generation');
      return;
    }
    if (!postgres.isPrimary || server?.isMaster === false) {
      this.ticket = null;
      this.redis.reconnect();
      return;
    }
    if (server?.maxmemoryPolicy !== undefined && server.maxmemoryPolicy !== 'noeviction') {
      this.ticket = null;
      this.logger.error({ policy: server.maxmemoryPolicy }, 'Redis may drop sessions: maxmemory-policy');
      return;
    }
    const lineage = `${server?.lineage ?? 'none'}:${postgres.lineage}`;
    if (postgres.rowLineage !== lineage) {
      await this.lineageChanged(postgres, lineage, connection);
      return;
    }
    this.confirmedConnection = connection;
    this.confirm(postgres.generation, sentAt, connection);
  }

  /** On a connection that was once right: look again, on a new one. On a new one: the pair has really changed. */
  private async lineageChanged(postgres: PostgresTruth, lineage: string, connection: number): Promise<void> {
    this.ticket = null;
    if (this.redis.enabled && connection === this.confirmedConnection) {
      this.redis.reconnect();
      return;
    }
    await replaceLineage(this.probe, postgres.generation, lineage);
    this.logger.warn('Redis or Postgres is another one than before: a new generation begins');
    // Learn it at once, so that the wait of one lease begins now.
    setImmediate(() => void this.kick());
  }

  /** The row and the servers agree: renew the lease, or begin the wait of a generation this process did not know. */
  private confirm(generation: string, sentAt: number, connection: number): void {
    const now = performance.now();
    const known = this.known === generation;
    if (!known && this.pending?.generation !== generation) {
      this.ticket = null;
      this.pending = { generation, adoptAt: now + this.adoptionMs };
    }
    if (!known && this.pending !== null && now < this.pending.adoptAt) return;
    this.pending = null;
    this.known = generation;
    const goesOn = now < this.leaseUntil && this.ticket?.connection === connection;
    if (!goesOn || this.ticket?.generation !== generation) this.ticket = { generation, connection };
    this.leaseUntil = sentAt + this.leaseMs;
  }
}

function valueOf<T>(answer: PromiseSettledResult<T>): T {
  if (answer.status === 'rejected') throw answer.reason;
  return answer.value;
}
