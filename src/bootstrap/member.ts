import type { Worker } from 'node:cluster';
import type { Logger } from 'pino';

/** What a process of several tells the first one: it has come so far that it could listen; it is ready; it lives. */
export type Report = 'here' | 'ready' | 'alive';

/** What it is told: listen, ready or not; leave the port to the others and end; say that it lives. */
export type Order = 'listen' | 'hand over' | 'say alive';

/** How often a process is asked whether it lives, in ms, and how many questions in turn it may leave unanswered. */
const ASK_MS = 5000;
const UNANSWERED = 6;

/** One of the processes that share the port, as the first one sees it. */
export class Member {
  readonly bornAt = performance.now();
  /** Resolves when it has ended, or could not be started, with the reason. */
  readonly gone: Promise<string>;
  /** Resolves when it is ready and listens. */
  readonly serves: Promise<unknown>;
  /** Resolves when it listens, ready or not. */
  readonly listens: Promise<unknown>;
  /** It can be told something. */
  here = false;
  /** It listens, or has been told to. */
  serving = false;
  /** Told to end; it is not counted any more. */
  leaving = false;
  /** It has ended, or could not be started. */
  isGone = false;
  private unanswered = 0;

  /** @param onHere called when it can be told something */
  constructor(
    readonly worker: Worker,
    private readonly logger: Logger,
    onHere: () => void,
  ) {
    const ready = Promise.withResolvers<void>();
    this.listens = new Promise<void>((resolve) => worker.once('listening', () => resolve()));
    this.serves = Promise.all([ready.promise, this.listens]);
    this.gone = new Promise<string>((resolve) => {
      const end = (reason: string) => {
        this.isGone = true;
        resolve(reason);
      };
      worker.once('exit', (code, signal) => end(signal ?? String(code)));
      // Without a listener either of both would end the first process.
      worker.on('error', (error) => {
        if (this.pid === undefined) end(error.message);
        else logger.warn({ err: error }, `process ${this.pid} could not be told something`);
      });
    });
    worker.once('listening', () => (this.serving = true));
    worker.on('message', (report: Report) => {
      this.unanswered = 0;
      if (report === 'ready') ready.resolve();
      if (report !== 'here') return;
      this.here = true;
      onHere();
    });
    this.watch();
  }

  /** Undefined where it could not be started. */
  get pid(): number | undefined {
    return this.worker.process.pid;
  }

  tell(order: Order): void {
    if (this.worker.isConnected()) this.worker.send(order);
  }

  /**
   * Ends it, and kills it where that takes longer.
   * @param order what it is told; without one it gets SIGTERM
   * @param withinMs how long it may take
   */
  async end(order: Order | null, withinMs: number): Promise<void> {
    if (this.isGone) return;
    this.leaving = true;
    if (order === null) this.worker.process.kill('SIGTERM');
    else this.tell(order);
    const timer = setTimeout(() => this.kill(`did not end within ${withinMs} ms`), withinMs);
    await this.gone;
    clearTimeout(timer);
  }

  /** Questions are counted, not time: after a sleep of the whole machine nobody has been silent. */
  private watch(): void {
    const timer = setInterval(() => {
      if (!this.here) return;
      if (this.unanswered >= UNANSWERED) return this.kill(`did not answer ${UNANSWERED} questions in turn`);
      this.unanswered += 1;
      this.tell('say alive');
    }, ASK_MS);
    void this.gone.then(() => clearInterval(timer));
  }

  private kill(why: string): void {
    this.logger.error(`process ${this.pid} ${why}: SIGKILL`);
    this.worker.process.kill('SIGKILL');
  }
}
