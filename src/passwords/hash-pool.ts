import { randomInt } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { Piscina, queueOptionsSymbol } from 'piscina';
import { Problem } from '../common/problem.js';
import { HashLanes, type HashLane, type HashTicket } from './hash-lanes.js';

/** Whose hash it is, and who waits for it. */
export interface HashWork {
  readonly lane: HashLane;
  /** A key such as `token:<userid>`: at most two of one key wait in one process. */
  readonly account?: string;
  /** Fires when the client has gone: a place in the queue is freed, a running hash is finished. */
  readonly signal?: AbortSignal;
}

/** The client went away while its hash waited, or before; nothing was hashed. */
export class ClientGone extends Problem {
  constructor() {
    super('request_timeout');
    this.name = 'ClientGone';
  }
}

export interface HashPoolOptions {
  /** URL of the worker file; its default export takes a task. */
  readonly filename: string;
  /** Threads. */
  readonly concurrency: number;
  /** Tasks that may wait in each of the two lanes. */
  readonly queue: number;
}

/** Contract: then 503 `overloaded`. */
const MAX_WAIT_MS = 3000;
const MAX_WAITING_OF_ONE_ACCOUNT = 2;
/**
 * The lowest priority there is. Only on Linux does it belong to the thread; elsewhere it would hold back the whole
 * process, or mean something else.
 */
const NICE = process.platform === 'linux' ? 19 : 0;

/**
 * A bounded pool of worker threads behind two lanes. No signal is handed to piscina: it keeps tasks with a signal in
 * a queue of its own, past the lanes, and aborting a running one ends its thread while another is started.
 */
export class HashPool<T extends object, R> {
  readonly #logger = new Logger(HashPool.name);
  readonly #lanes = new HashLanes();
  readonly #pool: Piscina<T, R>;
  readonly #underway = new Set<Promise<R>>();
  #admitted = 0;
  #left = 0;
  #finished = 0;
  #closed = false;

  constructor(private readonly options: HashPoolOptions) {
    this.#pool = new Piscina<T, R>({
      filename: options.filename,
      minThreads: options.concurrency,
      maxThreads: options.concurrency,
      taskQueue: this.#lanes,
      // A task that finds no thread goes back to the head of its lane, not to the tail.
      stricterFIFO: true,
      niceIncrement: NICE,
      recordTiming: false,
    });
    this.#pool.on('error', (error: unknown) => this.#logger.error('a hashing thread failed', error));
  }

  /** Tasks that a thread has begun, and those of them that it has done. */
  get calls(): { readonly started: number; readonly finished: number } {
    return { started: this.#admitted - this.#left - this.#lanes.size, finished: this.#finished };
  }

  /** How many tasks wait in that lane. */
  waiting(lane: HashLane): number {
    return this.#lanes.waiting(lane);
  }

  /** One `task` on every thread, so that none of them has to start for the first login; not counted in `calls`. */
  async warmUp(task: T): Promise<void> {
    await Promise.all(Array.from({ length: this.options.concurrency }, () => this.#pool.run(task)));
  }

  /**
   * Runs `task` on a thread and gives what the worker gives. Throws Problem `overloaded` at once where the lane is
   * full or two of the account wait, and after 3 s of waiting; `ClientGone` where the signal fires before a thread
   * has begun; Problem `unavailable` where the thread fails.
   */
  async run(task: T, work: HashWork): Promise<R> {
    if (work.signal?.aborted === true) throw new ClientGone();
    if (this.#closed || this.#isFull(work)) throw overloaded();
    const wait = Promise.withResolvers<never>();
    const ticket: HashTicket = {
      lane: work.lane,
      account: work.account,
      leave: (problem) => {
        if (!this.#lanes.drop(ticket)) return;
        this.#left += 1;
        wait.reject(problem);
      },
    };
    const onAbort = () => ticket.leave(new ClientGone());
    work.signal?.addEventListener('abort', onAbort);
    const timer = setTimeout(() => ticket.leave(overloaded()), MAX_WAIT_MS);
    const outcome = Promise.race([this.#post(task, ticket), wait.promise]);
    this.#underway.add(outcome);
    try {
      return await outcome;
    } finally {
      this.#underway.delete(outcome);
      clearTimeout(timer);
      work.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Sends those away that wait, lets those finish that run, and ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const ticket of this.#lanes.tickets()) ticket.leave(overloaded());
    await Promise.allSettled(this.#underway);
    await this.#pool.destroy();
  }

  /** Where a thread is free nothing waits, so no bound applies. */
  #isFull({ lane, account }: HashWork): boolean {
    const { started, finished } = this.calls;
    if (this.#lanes.size === 0 && started - finished < this.options.concurrency) return false;
    if (this.#lanes.waiting(lane) >= this.options.queue) return true;
    return account !== undefined && this.#lanes.waitingOf(account) >= MAX_WAITING_OF_ONE_ACCOUNT;
  }

  /** Never settles for a task that leaves the queue: piscina knows it no more. */
  async #post(task: T, ticket: HashTicket): Promise<R> {
    this.#admitted += 1;
    try {
      return await this.#pool.run({ ...task, [queueOptionsSymbol]: ticket });
    } catch (cause) {
      throw new Problem('unavailable', { retryAfterSeconds: retryAfterSeconds(), cause });
    } finally {
      this.#finished += 1;
    }
  }
}

function overloaded(): Problem {
  return new Problem('overloaded', { retryAfterSeconds: retryAfterSeconds() });
}

/** 2 to 5 s, at random, so that those who were sent away do not come back together. */
function retryAfterSeconds(): number {
  return randomInt(2, 6);
}
