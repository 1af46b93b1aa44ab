import { Injectable, Logger } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Problem } from '../common/problem.js';
import { failClosed } from './fail-closed.js';
import { LimitStore, type Outcome } from './limit-store.js';
import { sourceOf, WIDE_FACTOR } from './source.js';

/** Something that was taken before the work it limits. */
export interface Hold {
  /** How many are taken now, this one included; of a source, of its narrower network. */
  readonly count: number;
  /** Undoes just this take, for work that did not happen or turned out well. At most once. */
  giveBack(): Promise<void>;
}

/**
 * The counters of every process together. A refusal is 429 `rate_limited` with `Retry-After`; a store that does not
 * answer is 503 `unavailable`. `bucket` names what is limited, `key` whom; neither may hold a secret.
 */
@Injectable()
export class Limiter {
  private readonly logger = new Logger(Limiter.name);

  constructor(private readonly store: LimitStore) {}

  /** Takes one of `limit` in a fixed window of `windowSeconds`, which starts at its first take. */
  async take(bucket: string, key: string, limit: number, windowSeconds: number): Promise<Hold> {
    const id = `${bucket}:${key}`;
    const outcome = await failClosed(() => this.store.take(id, { limit, windowMs: windowSeconds * 1000 }));
    return hold(outcome, wholeMinutes, (receipt) => this.store.giveBack(id, receipt));
  }

  /**
   * Takes one for a client's address: `limit` for its IPv4 address or IPv6 /64, and 5 × `limit` for its /48.
   * A take that either refuses counts in neither.
   * @param address of the client; a missing one is 503, never 'no limit'
   */
  async takeSource(bucket: string, address: string | undefined, limit: number, windowSeconds: number): Promise<Hold> {
    const { key, wideKey } = sourceOf(address);
    const takes = [() => this.take(bucket, key, limit, windowSeconds)];
    if (wideKey !== null) takes.push(() => this.take(bucket, wideKey, limit * WIDE_FACTOR, windowSeconds));
    const holds = await this.takeAll(takes);
    return { count: holds[0]!.count, giveBack: () => this.giveBackAll(holds) };
  }

  /**
   * Counts one more wrong try of a run before it is looked at; see `RUN` for the waits.
   * @param since when the try came, on the clock of `performance.now()`: what came during a wait is refused
   */
  async reserveTry(bucket: string, key: string, since = performance.now()): Promise<Hold> {
    const id = `${bucket}:${key}`;
    const outcome = await failClosed(() => this.store.reserveTry(id, since));
    return hold(outcome, wholeSeconds, (receipt) => this.store.giveBackTry(id, receipt));
  }

  /**
   * Forgets a window or a run.
   * @param manager the caller's transaction, where there is one
   */
  async clear(bucket: string, key: string, manager?: EntityManager): Promise<void> {
    await failClosed(() => this.store.clear(`${bucket}:${key}`, manager));
  }

  /** Takes in that order; where one refuses, or fails, those before it are given back and its error is thrown. */
  async takeAll(takes: readonly (() => Promise<Hold>)[]): Promise<Hold[]> {
    const holds: Hold[] = [];
    try {
      for (const take of takes) holds.push(await take());
    } catch (error) {
      await this.giveBackAll(holds);
      throw error;
    }
    return holds;
  }

  /** Gives back what it can. Never throws: a take that stays counted makes the limits stricter, not open. */
  async giveBackAll(holds: readonly Pick<Hold, 'giveBack'>[]): Promise<void> {
    for (const result of await Promise.allSettled(holds.map((one) => one.giveBack()))) {
      if (result.status === 'rejected') this.logger.warn({ err: result.reason as unknown }, 'a take stays counted');
    }
  }
}

function hold(outcome: Outcome, retryAfter: (ms: number) => number, undo: (receipt: string) => Promise<void>): Hold {
  if (!outcome.taken) throw new Problem('rate_limited', { retryAfterSeconds: retryAfter(outcome.waitMs) });
  const { count, receipt } = outcome;
  return { count, giveBack: () => failClosed(() => undo(receipt)) };
}

function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** Waits over a minute in whole minutes, rounded up: nobody needs to know to the second when a window opens. */
function wholeMinutes(ms: number): number {
  const seconds = wholeSeconds(ms);
  return seconds <= 60 ? seconds : Math.ceil(seconds / 60) * 60;
}
