import { VisuallyHidden } from '@mantine/core';
import { useSyncExternalStore } from 'react';

/** How long a dialog takes to go, in ms: what lies outside of an open one is not read out. */
const GONE_MS = 400;

/** `count`: the same words twice are read out twice. */
let said = { words: '', count: 0 };
const listeners = new Set<() => void>();
const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** Has a screen reader say what was done, where the page shows it by what has gone or changed. */
export function say(words: string): void {
  setTimeout(() => {
    said = { words, count: said.count + 1 };
    for (const listener of listeners) listener();
  }, GONE_MS);
}

/** Where it is read from; one on the page. */
export function StatusLine() {
  const { words, count } = useSyncExternalStore(subscribe, () => said);
  return (
    <VisuallyHidden role="status">
      <span key={count}>{words}</span>
    </VisuallyHidden>
  );
}
