import type { GatedTask } from './gated.worker.js';

/** A gate that running tasks stand before; the barrier of the pool's tests. */
export class Gate {
  readonly #cells = new Int32Array(new SharedArrayBuffer(8));

  task(name: string, fails = false): GatedTask {
    return { gate: this.#cells, name, fails };
  }

  open(): void {
    Atomics.store(this.#cells, 0, 1);
    Atomics.notify(this.#cells, 0);
  }

  /** Resolves when `count` tasks have been begun by threads. */
  async reachedBy(count: number): Promise<void> {
    for (let reached = this.#reached(); reached < count; reached = this.#reached()) {
      await Atomics.waitAsync(this.#cells, 1, reached).value;
    }
  }

  #reached(): number {
    return Atomics.load(this.#cells, 1);
  }
}
