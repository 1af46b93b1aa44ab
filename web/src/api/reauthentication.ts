import { ProblemError } from 'postern-client';
import { createStore } from './store.ts';

/** Somebody closed the password dialog: what they were about to do is not done, and that is no error to show. */
export class ReauthenticationCancelled extends Error {}

/** A call that waits until the password was proved, or was not. */
export interface Question {
  readonly proved: () => void;
  readonly cancelled: () => void;
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

const question = createStore<Question | null>(null);
let asking: Promise<void> | undefined;

/** What the dialog has to ask, or null. */
export const openQuestion = {
  subscribe: question.subscribe,
  current: question.current,
  /** As if it was closed; nothing where there is none. */
  cancel: (): void => question.current()?.cancelled(),
};

/**
 * The same client, whose calls, when answered 403 `reauthentication_required`, wait for the password dialog and are
 * then repeated, once. Calls that are refused while it is open share it.
 */
export function askingForThePassword<Client extends object>(client: Client): Client {
  const methods = client as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const asking = METHODS.map((method) => [
    method,
    async (...args: unknown[]) => {
      try {
        return await methods[method]!(...args);
      } catch (error) {
        if (!(error instanceof ProblemError) || error.code !== 'reauthentication_required') throw error;
        await ask();
        return methods[method]!(...args);
      }
    },
  ]);
  return { ...client, ...Object.fromEntries(asking) } as Client;
}

/** @throws ReauthenticationCancelled */
function ask(): Promise<void> {
  asking ??= new Promise<void>((resolve, reject) => {
    question.set({ proved: resolve, cancelled: () => reject(new ReauthenticationCancelled()) });
  }).finally(() => {
    asking = undefined;
    question.set(null);
  });
  return asking;
}
