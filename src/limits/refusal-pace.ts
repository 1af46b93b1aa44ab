import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';

/** Between two refusals of one process; 250 a second take a fifth of a core. */
const APART_MS = 4;
/** However many there are: beside the 3 s that a hash may wait it leaves room in the 5 s of an answer (contract). */
const LONGEST_MS = 1000;

/**
 * Refused logins and sign-ups leave one after another, a few milliseconds apart. One alone does not notice. Those who
 * send the next as soon as the last is answered take a fifth of a core and not a whole one, and hashing keeps what it
 * needs (docs/adr/0015).
 */
@Injectable()
export class RefusalPace {
  /** When the last of those that were refused leaves, on the clock of `performance.now()`. */
  private lastLeaves = -Infinity;

  /** Gives what `work` gives, at once; throws what it throws, when its turn has come. */
  async keep<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.turn();
      throw error;
    }
  }

  private async turn(): Promise<void> {
    const now = performance.now();
    this.lastLeaves = Math.min(Math.max(this.lastLeaves + APART_MS, now), now + LONGEST_MS);
    if (this.lastLeaves > now) await sleep(this.lastLeaves - now);
  }
}
