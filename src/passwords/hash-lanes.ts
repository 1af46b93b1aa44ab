import { queueOptionsSymbol, type TaskQueue } from 'piscina';
import type { Problem } from '../common/problem.js';

/**
 * `first`: a right apitoken, or a session, of an account without role `app`; `second`: all that proved less, and
 * everything of app accounts.
 */
export type HashLane = 'first' | 'second';

/** The place of one hash; it travels with the piscina task under `queueOptionsSymbol`. */
export interface HashTicket {
  readonly lane: HashLane;
  readonly account: string | undefined;
  /** Gives the place up, if it still waits, and ends the caller's wait with that problem. */
  leave(problem: Problem): void;
}

type Task = NonNullable<ReturnType<TaskQueue['shift']>>;

/** While a hash of the second kind waits, at most three of the first go before it. */
const FIRST_IN_A_ROW = 3;

/** The two queues before the hashing pool, as piscina wants them. */
export class HashLanes implements TaskQueue {
  readonly #lanes: Record<HashLane, Task[]> = { first: [], second: [] };
  /** How many of the first kind have gone since one of the second kind began to wait or went. */
  #streak = 0;
  #streakBeforeShift = 0;

  get size(): number {
    return this.#lanes.first.length + this.#lanes.second.length;
  }

  /** How many hashes wait in that lane. */
  waiting(lane: HashLane): number {
    return this.#lanes[lane].length;
  }

  /** How many hashes of that account key wait, in both lanes. */
  waitingOf(account: string): number {
    return this.tickets().filter((ticket) => ticket.account === account).length;
  }

  /** Those that wait. */
  tickets(): HashTicket[] {
    return [...this.#lanes.first, ...this.#lanes.second].map(ticketOf);
  }

  /** Takes the place of `ticket` away; false where it no longer waits. */
  drop(ticket: HashTicket): boolean {
    const task = this.#lanes[ticket.lane].find((candidate) => ticketOf(candidate) === ticket);
    if (task === undefined) return false;
    this.remove(task);
    return true;
  }

  push(task: Task): void {
    this.#lanes[ticketOf(task).lane].push(task);
  }

  /** piscina takes a task out before it knows of a free thread, and puts it back by `unshift` if there is none. */
  shift(): Task | null {
    this.#streakBeforeShift = this.#streak;
    const { first, second } = this.#lanes;
    const lane = first.length === 0 || (second.length > 0 && this.#streak >= FIRST_IN_A_ROW) ? second : first;
    this.#streak = lane === first && second.length > 0 ? this.#streak + 1 : 0;
    return lane.shift() ?? null;
  }

  unshift(task: Task): void {
    this.#streak = this.#streakBeforeShift;
    this.#lanes[ticketOf(task).lane].unshift(task);
  }

  remove(task: Task): void {
    const lane = this.#lanes[ticketOf(task).lane];
    const place = lane.indexOf(task);
    if (place !== -1) lane.splice(place, 1);
  }
}

/** Every task of the pool is posted with its ticket. */
function ticketOf(task: Task): HashTicket {
  return task[queueOptionsSymbol] as HashTicket;
}
