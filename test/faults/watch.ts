import { setTimeout as sleep } from 'node:timers/promises';
import type { TestApp } from '../support/app.js';
import type { Reply } from '../support/client.js';

/** Between an answer and the next call of the same kind to the same process. */
const PAUSE_MS = 20;

/** One call, asked of one process again and again. Undefined: there is nothing left to ask for. */
export type Call = (app: TestApp) => Promise<Reply<unknown>> | undefined;

export interface Answer {
  readonly name: string;
  readonly app: TestApp;
  readonly status: number;
  readonly code: string | null;
  /** On the clock of `performance.now()`. */
  readonly sentAt: number;
  readonly tookMs: number;
}

/** Asks every process every call all the time, and keeps the answers. */
export class Watch {
  readonly answers: Answer[] = [];
  private readonly loops: Promise<void>[];
  private stopped = false;

  constructor(
    private readonly apps: readonly TestApp[],
    calls: Readonly<Record<string, Call>>,
  ) {
    this.loops = apps.flatMap((app) => Object.entries(calls).map(([name, call]) => this.loop(name, app, call)));
  }

  /** Resolves when the last calls are answered; throws what a call has thrown: every one is answered. */
  async stop(): Promise<readonly Answer[]> {
    this.stopped = true;
    await Promise.all(this.loops);
    return this.answers;
  }

  /** Whether every process has answered each of these calls like that, asked at `since` or later. */
  all(names: readonly string[], since: number, wanted: (answer: Answer) => boolean): boolean {
    const good = this.answers.filter((answer) => answer.sentAt >= since && wanted(answer));
    const seen = new Set(good.filter(({ name }) => names.includes(name)).map(({ app, name }) => `${app.url} ${name}`));
    return seen.size === names.length * this.apps.length;
  }

  private async loop(name: string, app: TestApp, call: Call): Promise<void> {
    while (!this.stopped) {
      const sentAt = performance.now();
      const reply = await call(app);
      if (reply === undefined) return;
      const { status, code } = reply;
      this.answers.push({ name, app, status, code, sentAt, tookMs: performance.now() - sentAt });
      await sleep(PAUSE_MS);
    }
  }
}
