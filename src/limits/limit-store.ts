import type { EntityManager } from 'typeorm';

/** At most `limit` takes within `windowMs` of the first one. */
export interface WindowRule {
  readonly limit: number;
  readonly windowMs: number;
}

/**
 * The waits after wrong passwords in a row (docs/security.md, Limits): the first 5 tries are free, the 6th is still looked
 * at and starts a wait of 1 s, each further one doubles it, up to 15 minutes; it never closes for good.
 *
 * `quietMs` is how long after the last try, or after the end of its wait, a run is forgotten. Counted so, and not
 * from the first try, no 15 minutes anywhere hold more than 5 tries without a wait, and a run outlives its longest
 * wait instead of starting from zero there. Longest wait and quiet together are the 30 minutes that a key made of
 * a username may live at most.
 */
export const RUN = { freeTries: 5, firstWaitMs: 1000, longestWaitMs: 900_000, quietMs: 900_000 } as const;

/**
 * Taken: `count` is how many are taken now, this one included, and `receipt` is what gives just this one back.
 * Refused: nothing was counted, and `waitMs` (at least 1) is how long it stays so.
 */
export type Outcome =
  | { readonly taken: true; readonly count: number; readonly receipt: string }
  | { readonly taken: false; readonly waitMs: number };

/**
 * Where the counters are. Every method decides and counts in one atomic step of the store and takes the time from
 * it, so that neither parallel tries nor an application's wrong clock get past a limit. A take stands *before* the
 * work that it limits; `giveBack` undoes it. All of it throws what the store's client throws.
 *
 * An abstract class and no interface, so that it can name itself to Nest.
 */
export abstract class LimitStore {
  /** Takes one of a fixed window, which starts at its first take. A refused take does not count. */
  abstract take(key: string, rule: WindowRule): Promise<Outcome>;

  /** Undoes one take; nothing happens where its window is over or was cleared. */
  abstract giveBack(key: string, receipt: string): Promise<void>;

  /**
   * Counts one more try of a run as wrong, for as long as nobody says otherwise, and starts its wait at once: of
   * any number of tries at the same moment, at most 6 are let through.
   * @param since when the try came, on the clock of `performance.now()`. One that came during a wait is refused even
   *   if it stood in a queue until the wait was over; only the time that has passed since is told to the store.
   */
  abstract reserveTry(key: string, since: number): Promise<Outcome>;

  /** Undoes one try, and its wait where no later try has started another; makes no key. */
  abstract giveBackTry(key: string, receipt: string): Promise<void>;

  /**
   * Forgets a window or a run.
   * @param manager the caller's transaction, which a store in the same database must then use: a second
   *   connection while one is held is how pools lock up
   */
  abstract clear(key: string, manager?: EntityManager): Promise<void>;
}
