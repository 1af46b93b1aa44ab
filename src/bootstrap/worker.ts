import cluster from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TruthService } from '../authority/truth.service.js';
import type { Order, Report } from './member.js';

const LOOK_MS = 20;

/** The place of this process among those that share the port; what they tell each other goes through the first one. */
export class Worker {
  private readonly toListen = Promise.withResolvers<void>();
  private readonly stopped = new AbortController();

  /**
   * @param handOver called when the others take over: accept no more connections and end
   * @param orphaned called when the first process is gone, and the port with it: end
   */
  constructor(handOver: () => void, orphaned: () => void) {
    process.on('message', (order: Order) => {
      if (order === 'say alive') tell('alive');
      if (order === 'listen') this.toListen.resolve();
      if (order === 'hand over') handOver();
    });
    const self = cluster.worker!;
    self.once('disconnect', () => {
      // Else Node ends this process as soon as its listeners have run, with requests in flight.
      self.exitedAfterDisconnect = true;
      orphaned();
    });
  }

  /**
   * Resolves when this process should listen: it is ready, or nobody else serves.
   * @throws AbortError after `stop`.
   */
  async mayListen(truth: TruthService): Promise<void> {
    tell('here');
    const ready = this.whenReady(truth);
    // Where it is told to listen first, it still says when it is ready, or ends.
    ready.catch(() => undefined);
    await Promise.race([ready, this.toListen.promise]);
  }

  /** It ends: nothing is waited for any more. */
  stop(): void {
    this.stopped.abort();
  }

  private async whenReady(truth: TruthService): Promise<void> {
    while (!truth.ready) await sleep(LOOK_MS, undefined, { signal: this.stopped.signal });
    tell('ready');
  }
}

function tell(report: Report): void {
  if (process.connected) process.send?.(report);
}
