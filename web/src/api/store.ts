/** A value outside of React that components show; `subscribe` and `current` are for `useSyncExternalStore`. */
export interface Store<Value> {
  readonly subscribe: (listener: () => void) => () => void;
  readonly current: () => Value;
  readonly set: (next: Value) => void;
}

export function createStore<Value>(first: Value): Store<Value> {
  let value = first;
  const listeners = new Set<() => void>();
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    current: () => value,
    set: (next) => {
      value = next;
      for (const listener of listeners) listener();
    },
  };
}
