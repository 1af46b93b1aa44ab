import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Config } from '../config/config.js';
import { inTransaction } from './transaction.js';

/** Any number of our own: whoever has the lock sweeps. */
const SWEEP_LOCK = 7_305_116;
const EVERY_MS = 60_000;
const BATCH = 1000;

interface Rule {
  readonly table: string;
  /** Which rows are over; `$1` is the age in `days`, where there is one. */
  readonly over: string;
  readonly days?: (config: Config) => number;
}

/** What grows by itself, and when it may go. */
const RULES: readonly Rule[] = [
  { table: 'session_ends', over: 'kept_until <= now()' },
  { table: 'sessions', over: 'expires_at <= now()' },
  { table: 'limits', over: 'expires_at <= now()' },
  { table: 'reset_codes', over: 'expires_at <= now()' },
  { table: 'apitokens', over: 'expires_at <= now()' },
  { table: 'audit', over: `at < now() - $1 * interval '1 day'`, days: (config) => config.auditRetentionDays },
  { table: 'known_sources', over: `last_login_at < now() - $1 * interval '1 day'`, days: () => 30 },
];

/**
 * Deletes what is over, once a minute, one process at a time, in batches (design, "Nothing grows for ever").
 * Nothing depends on it but the size of the tables: every query looks at the ends itself.
 */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Sweeper.name);
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly config: Config,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.tick(), EVERY_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.running;
  }

  /**
   * Deletes everything that is over now. Gives how many rows went, by table; a table that another process is sweeping
   * is left to it.
   */
  async sweep(): Promise<Record<string, number>> {
    const swept: Record<string, number> = {};
    for (const rule of RULES) swept[rule.table] = await this.sweepTable(rule);
    return swept;
  }

  private async tick(): Promise<void> {
    this.running = this.sweep().catch((error: unknown) => this.logger.warn({ err: error, msg: 'sweep failed' }));
    await this.running;
  }

  private async sweepTable(rule: Rule): Promise<number> {
    for (let total = 0; ;) {
      const gone = await this.sweepBatch(rule);
      total += gone;
      if (gone < BATCH || this.stopped) return total;
    }
  }

  /** Rows that somebody has locked are left for the next time, and so are those whose end has just moved. */
  private async sweepBatch({ table, over, days }: Rule): Promise<number> {
    return inTransaction(this.dataSource, async (tx) => {
      const [lock]: { mine: boolean }[] = await tx.query('SELECT pg_try_advisory_xact_lock($1) AS mine', [SWEEP_LOCK]);
      if (!lock?.mine) return 0;
      const [, count]: [unknown, number] = await tx.query(
        `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM ${table} WHERE ${over} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))`,
        days === undefined ? [] : [days(this.config)],
      );
      return count;
    });
  }
}
