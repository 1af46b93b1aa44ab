import type { Logger } from 'pino';
import { StartupError } from './startup-error.js';

/** Undoes one thing that a start has done. */
type Undo = (gracefully: boolean) => Promise<unknown>;

/** What a start has opened so far; closed in the reverse order. */
export class Opened {
  private readonly undos: Undo[] = [];

  /** To be called before what it undoes is awaited, so that a stop in between finds it. */
  add(undo: Undo): void {
    this.undos.push(undo);
  }

  /** Closes everything; what cannot be closed does not keep the rest open. */
  async close(gracefully: boolean, logger: Logger): Promise<void> {
    for (const undo of this.undos.splice(0).reverse()) {
      await undo(gracefully).catch((error: unknown) => logger.warn({ err: error }, 'not closed properly'));
    }
  }
}

/** Why a process ends. */
type End =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'fatal'; readonly reason: string }
  | { readonly kind: 'error'; readonly error: unknown };

/** Started by `run`: it opens what it needs and resolves when it is up; `fatal` ends the process. */
export type Start = (opened: Opened, fatal: (reason: string) => void) => Promise<void>;

/**
 * Runs until SIGTERM or SIGINT, also one that comes while it starts; further ones change nothing. Gives the exit code:
 * 0 after a signal, 1 where it could not start or must not go on, with the reason on stderr.
 */
export async function run(start: Start, logger: Logger): Promise<number> {
  const opened = new Opened();
  const end = await new Promise<End>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve({ kind: 'signal', signal }));
    start(opened, (reason) => resolve({ kind: 'fatal', reason })).catch((error: unknown) => {
      resolve({ kind: 'error', error });
    });
  });
  if (end.kind === 'signal') logger.info(`${end.signal}: stopping`);
  else sayWhy(end, logger);
  await opened.close(end.kind === 'signal', logger);
  return end.kind === 'signal' ? 0 : 1;
}

/** A reason that was foreseen is one line for a person; anything else is logged with its stack. */
function sayWhy(end: Exclude<End, { kind: 'signal' }>, logger: Logger): void {
  if (end.kind === 'fatal') process.stderr.write(`${end.reason}\n`);
  else if (end.error instanceof StartupError) process.stderr.write(`${end.error.message}\n`);
  else logger.fatal({ err: end.error }, 'cannot go on');
}
