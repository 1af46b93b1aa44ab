import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

/** How such a process ends when it met an error that nobody caught; with 1 it says that it must not go on. */
export const ACCIDENT = 70;

/** What a process of several tells the first one: it has come so far that it could listen; it is ready. */
export type Report = 'here' | 'ready';

/** What it is told: listen, ready or not; leave the port to the others and end. */
export type Order = 'listen' | 'hand over';

/** The wait before one that died is replaced, in ms: doubled from death to death up to the longest. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/** Whoever lived so long did not die of how it was started, in ms. */
const LONG_LIFE_MS = 60_000;

/** How long a new process may take to be ready before a rolling restart is given up, in ms: a lease has at most 10 s. */
const READY_WITHIN_MS = 60_000;

interface Member {
  readonly worker: Worker;
  readonly bornAt: number;
  readonly gone: Promise<void>;
  readonly ready: PromiseWithResolvers<void>;
  /** It can be told something. */
  here: boolean;
  /** It listens, or has been told to. */
  serving: boolean;
  /** Told to end; nobody takes its place. */
  leaving: boolean;
}

/**
 * The processes that share the port (WEB_CONCURRENCY), each of them this program again, under a first one that serves
 * nothing itself. One that dies is replaced after a growing wait. A process does not listen before it is ready as long
 * as another one serves, so that a replacement answers no request with 503.
 */
export class Processes {
  private readonly members = new Set<Member>();
  private readonly firstListens = Promise.withResolvers<void>();
  private deathsInARow = 0;
  private stopping = false;
  private rolling = false;

  /**
   * @param count how many serve
   * @param env what they are told beside this process's own environment
   * @param fatal called where none can serve: one that could not start or must not go on, while no other one serves
   */
  constructor(
    private readonly count: number,
    private readonly env: Readonly<Record<string, string>>,
    private readonly fatal: (reason: string) => void,
    private readonly logger: Logger,
  ) {}

  /** Those that listen. */
  get serving(): Worker[] {
    return [...this.members].flatMap(({ worker, serving }) => (serving ? [worker] : []));
  }

  /** Resolves when the first one listens. */
  async start(): Promise<void> {
    for (let index = 0; index < this.count; index += 1) this.fork();
    await this.firstListens.promise;
  }

  /** Ends all of them, each as a process alone ends, and resolves when they are gone. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const { worker } of this.members) worker.process.kill('SIGTERM');
    await Promise.all([...this.members].map(({ gone }) => gone));
  }

  /**
   * Replaces one process after the other: the new one is ready before the old one accepts no more connections, answers
   * what it has and ends. Where a new one is not ready in time, the old ones stay.
   */
  async roll(): Promise<void> {
    if (this.rolling || this.stopping) return;
    this.rolling = true;
    this.logger.info(`rolling restart of ${this.count} processes`);
    const done = await this.replaceAll();
    this.rolling = false;
    if (done) this.logger.info('rolling restart: done');
    else if (!this.stopping) this.logger.error('rolling restart: given up, the new process was not ready in time');
  }

  private async replaceAll(): Promise<boolean> {
    for (const old of [...this.members]) {
      const next = this.fork();
      const isReady = await Promise.race([
        next.ready.promise.then(() => true),
        next.gone.then(() => false),
        sleep(READY_WITHIN_MS, false, { ref: false }),
      ]);
      if (this.stopping) return false;
      // One that died meanwhile needs no replacement but this one.
      const [leaver, order] = isReady ? [old, 'hand over' as Order] : [next, null];
      leaver.leaving = true;
      if (order === null) leaver.worker.process.kill('SIGTERM');
      else if (leaver.worker.isConnected()) leaver.worker.send(order);
      await leaver.gone;
      if (!isReady) return false;
    }
    return true;
  }

  private fork(): Member {
    const worker = cluster.fork(this.env);
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const ready = Promise.withResolvers<void>();
    const member: Member = {
      worker,
      bornAt: performance.now(),
      gone,
      ready,
      here: false,
      serving: false,
      leaving: false,
    };
    this.members.add(member);
    worker.on('message', (report: Report) => {
      if (report === 'ready') ready.resolve();
      if (report === 'here') {
        member.here = true;
        this.orderToListen();
      }
    });
    worker.once('listening', () => {
      member.serving = true;
      this.firstListens.resolve();
    });
    worker.once('exit', (code, signal) => this.lost(member, code, signal));
    return member;
  }

  private lost(member: Member, code: number | null, signal: string | null): void {
    this.members.delete(member);
    if (this.stopping || member.leaving) return;
    // The next one would not do better, and nobody is served meanwhile.
    if (code === 1 && !this.isServing()) return this.fatal('a process could not go on');
    this.deathsInARow = performance.now() - member.bornAt > LONG_LIFE_MS ? 1 : this.deathsInARow + 1;
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (this.deathsInARow - 1), LONGEST_WAIT_MS);
    const { pid } = member.worker.process;
    this.logger.error(`process ${pid} has died (${signal ?? code}): another one is started in ${waitMs} ms`);
    setTimeout(() => this.fill(), waitMs);
    this.orderToListen();
  }

  private fill(): void {
    const staying = [...this.members].filter(({ leaving }) => !leaving).length;
    if (!this.stopping && staying < this.count) this.fork();
  }

  /** Somebody has to answer, if only that nobody is ready; the others listen when they are. */
  private orderToListen(): void {
    if (this.isServing()) return;
    const member = [...this.members].find(({ worker, here, leaving }) => here && !leaving && worker.isConnected());
    if (member === undefined) return;
    member.serving = true;
    member.worker.send('listen' satisfies Order);
  }

  private isServing(): boolean {
    return [...this.members].some(({ serving, leaving }) => serving && !leaving);
  }
}
