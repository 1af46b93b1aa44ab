import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Member } from './member.js';

/** How such a process ends when it met an error that nobody caught; with 1 it says that it must not go on. */
export const ACCIDENT = 70;

/** The wait before one that died is replaced, in ms: doubled from death to death up to the longest. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/** Whoever lived so long did not die of how it was started, in ms. */
const LONG_LIFE_MS = 60_000;

/** How long a new process may take to be ready before a rolling restart is given up, in ms: a lease has at most 10 s. */
const READY_WITHIN_MS = 60_000;

/** How many processes there are, and what they are given. */
interface Terms {
  /** How many serve. */
  readonly count: number;
  /** What they are told beside this process's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** How long one may take to end before it is killed, in ms. */
  readonly endWithinMs: number;
}

/**
 * The processes that share the port (WEB_CONCURRENCY), each of them this program again, under a first one that serves
 * nothing itself. One that dies, hangs or cannot be started is replaced after a growing wait. A process does not listen
 * before it is ready as long as another one serves, so that a replacement answers no request with 503.
 */
export class Processes {
  private readonly members = new Set<Member>();
  private readonly firstListens = Promise.withResolvers<void>();
  private deathsInARow = 0;
  /** Those that died and whose replacement waits. */
  private awaited = 0;
  private stopping = false;
  private rolling = false;

  /** @param fatal called where none can serve: one could not start or must not go on, while no other one serves */
  constructor(
    private readonly terms: Terms,
    private readonly fatal: (reason: string) => void,
    private readonly logger: Logger,
  ) {}

  /** Those that listen. */
  get serving(): Worker[] {
    return [...this.members].flatMap(({ worker, serving }) => (serving ? [worker] : []));
  }

  /** Resolves when the first one listens. */
  async start(): Promise<void> {
    this.fill();
    await this.firstListens.promise;
  }

  /** Ends all of them, each as a process alone ends, and resolves when they are gone. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all([...this.members].map((member) => member.end(null, this.terms.endWithinMs)));
  }

  /**
   * Replaces one process after the other: the new one listens and is ready before the old one accepts no more
   * connections, answers what it has and ends. Where a new one is not there in time, the old ones stay.
   */
  async roll(): Promise<void> {
    if (this.stopping) return;
    if (this.rolling) return this.logger.warn('SIGUSR2 changes nothing: a rolling restart is under way');
    this.rolling = true;
    this.logger.info(`rolling restart of ${this.terms.count} processes`);
    const done = await this.replaceAll();
    this.rolling = false;
    if (done) this.logger.info('rolling restart: done');
    else if (!this.stopping) this.logger.error('rolling restart: given up, no new process was ready in time');
  }

  private async replaceAll(): Promise<boolean> {
    for (const old of [...this.members]) {
      // Whoever died since was replaced, or will be.
      if (old.isGone) continue;
      const next = this.fork();
      if (next === null || !(await this.servesInTime(next))) return false;
      await this.retire(old, true);
      if (this.stopping) return false;
    }
    return true;
  }

  private async servesInTime(next: Member): Promise<boolean> {
    const serves = await Promise.race([
      next.serves.then(() => true),
      next.gone.then(() => false),
      sleep(READY_WITHIN_MS, false, { ref: false }),
    ]);
    if (this.stopping) return false;
    if (!serves) await this.retire(next, false);
    return serves;
  }

  private async retire(member: Member, handsOver: boolean): Promise<void> {
    const ended = member.end(handsOver ? 'hand over' : null, this.terms.endWithinMs);
    this.fill();
    await ended;
  }

  /** Starts as many as are missing; to be called wherever one may be. */
  private fill(): void {
    while (this.missing > 0 && this.fork() !== null);
  }

  private get missing(): number {
    if (this.stopping) return 0;
    return this.terms.count - this.awaited - [...this.members].filter(({ leaving }) => !leaving).length;
  }

  /** Null where none can be started, or none is wanted any more. */
  private fork(): Member | null {
    if (this.stopping) return null;
    let worker: Worker;
    try {
      worker = cluster.fork(this.terms.env);
    } catch (error) {
      this.replaceLater('a process could not be started', String(error), 0);
      return null;
    }
    const member = new Member(worker, this.logger, () => this.orderToListen());
    this.members.add(member);
    if (member.pid !== undefined) this.logger.info(`process ${member.pid} is started`);
    void member.listens.then(() => this.firstListens.resolve());
    void member.gone.then((reason) => this.lost(member, reason));
    return member;
  }

  private lost(member: Member, reason: string): void {
    this.members.delete(member);
    if (this.stopping) return;
    if (member.leaving) return this.fill();
    // The next one would not do better, and nobody is served meanwhile.
    if (reason === '1' && !this.isServing()) return this.fatal('a process could not go on');
    const what = member.pid === undefined ? 'a process could not be started' : `process ${member.pid} has died`;
    this.replaceLater(what, reason, performance.now() - member.bornAt);
    this.orderToListen();
  }

  /** @param livedMs what the one to be replaced has lived */
  private replaceLater(what: string, reason: string, livedMs: number): void {
    this.deathsInARow = livedMs > LONG_LIFE_MS ? 1 : this.deathsInARow + 1;
    if (this.missing <= 0) return this.logger.error(`${what} (${reason})`);
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (this.deathsInARow - 1), LONGEST_WAIT_MS);
    this.logger.error(`${what} (${reason}): another one is started in ${waitMs} ms`);
    this.awaited += 1;
    setTimeout(() => {
      this.awaited -= 1;
      this.fill();
    }, waitMs);
  }

  /** Somebody has to answer, if only that nobody is ready; the others listen when they are. */
  private orderToListen(): void {
    if (this.isServing()) return;
    const member = [...this.members].find(({ worker, here, leaving }) => here && !leaving && worker.isConnected());
    if (member === undefined) return;
    member.serving = true;
    member.tell('listen');
  }

  private isServing(): boolean {
    return [...this.members].some(({ serving, leaving }) => serving && !leaving);
  }
}
