// A worker whose tasks run until the test opens their gate. Run by Node itself: erasable syntax only.

/** Cell 0: 1 once the gate is open; cell 1: how many tasks have begun to wait at it. */
export interface GatedTask {
  readonly gate: Int32Array<SharedArrayBuffer>;
  readonly name: string;
  readonly fails?: boolean;
}

/** Gives the task's name once its gate is open. */
export default function pass({ gate, name, fails }: GatedTask): string {
  Atomics.add(gate, 1, 1);
  Atomics.notify(gate, 1);
  Atomics.wait(gate, 0, 0);
  if (fails === true) throw new Error('this task fails');
  return name;
}
