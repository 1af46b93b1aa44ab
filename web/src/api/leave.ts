import type { QueryClient } from '@tanstack/react-query';
import type { RegisteredRouter } from '@tanstack/react-router';
import { forget, sessionQuery } from './session.ts';

/**
 * To the log-in page, when a session is over: from there people come back to `next`. What was known is forgotten once
 * no page shows it any more; earlier, that page would ask for it again.
 */
export async function leave(client: QueryClient, router: RegisteredRouter, next?: string): Promise<void> {
  client.setQueryData(sessionQuery.queryKey, null);
  await router.navigate({ to: '/login', search: { next } });
  forget(client);
}
