import { setTimeout as sleep } from 'node:timers/promises';

/** How long the last ones are waited for when most have answered, in ms. */
const STRAGGLERS_MS = 100;

/** What some of several servers said, and why the others did not. */
export interface Answers<T> {
  readonly values: readonly T[];
  readonly reasons: readonly unknown[];
}

/**
 * Waits for all, but not long for the last ones where more than half have answered: a server that is frozen takes
 * connections and says nothing, and must not hold up how its successor is found. Never throws.
 */
export async function mostAnswers<T>(asked: readonly Promise<T>[]): Promise<Answers<T>> {
  const values: T[] = [];
  const reasons: unknown[] = [];
  const most = Promise.withResolvers<void>();
  const all = asked.map(async (one) => {
    try {
      values.push(await one);
      if (values.length > asked.length / 2) most.resolve();
    } catch (error) {
      reasons.push(error);
    }
  });
  await Promise.race([Promise.all(all), most.promise.then(() => sleep(STRAGGLERS_MS))]);
  // What comes later is nobody's any more.
  return { values: [...values], reasons: [...reasons] };
}
