import { VisuallyHidden } from '@mantine/core';
import { useSyncExternalStore } from 'react';
import { createStore } from '../api/store.ts';

/** How long a dialog takes to go, in ms: what lies outside of an open one is not read out. */
const GONE_MS = 400;

/** `count`: the same words twice are read out twice. */
const said = createStore({ words: '', count: 0 });

/** Has a screen reader say what was done, where the page shows it by what has gone or changed. */
export function say(words: string): void {
  setTimeout(() => said.set({ words, count: said.current().count + 1 }), GONE_MS);
}

/** Where it is read from; one on the page. */
export function StatusLine() {
  const { words, count } = useSyncExternalStore(said.subscribe, said.current);
  return (
    <VisuallyHidden role="status">
      <span key={count}>{words}</span>
    </VisuallyHidden>
  );
}
