import { queryOptions, useQuery, type QueryClient } from '@tanstack/react-query';
import { ProblemError } from 'postern-client';
import { plainApi, type Schemas } from './client.ts';
import { configQuery } from './config.ts';

/** Who is logged in here, or null. The cookie itself is not for scripts to see. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: whoIsLoggedIn,
  staleTime: 30_000,
});

/** Who is logged in; null also before it is known. */
export function useSession(): Schemas['Me'] | null {
  return useQuery(sessionQuery).data ?? null;
}

/** True for the answer to a session that is none, or no longer one. */
export function isUnauthenticated(error: unknown): boolean {
  return error instanceof ProblemError && error.code === 'unauthenticated';
}

/** After a login: what was known belongs to nobody, or to somebody else. */
export async function startAnew(client: QueryClient): Promise<void> {
  client.removeQueries({ queryKey: sessionQuery.queryKey });
  forget(client);
  await client.fetchQuery(sessionQuery);
}

/** Forgets all that was asked and sent, but for who is logged in and how the service is configured. */
export function forget(client: QueryClient): void {
  const kept: readonly unknown[] = [...sessionQuery.queryKey, ...configQuery.queryKey];
  client.removeQueries({ predicate: ({ queryKey }) => !kept.includes(queryKey[0]) });
  client.getMutationCache().clear();
}

/**
 * Where somebody was logged in a moment ago, nobody is no answer but the loss of a session, as in every other call: the
 * cache asks once more, and then tells it.
 */
async function whoIsLoggedIn({ client }: { client: QueryClient }): Promise<Schemas['Me'] | null> {
  try {
    return await plainApi.GET('/v1/users/me');
  } catch (error) {
    if (isUnauthenticated(error) && !client.getQueryData(['session'])) return null;
    throw error;
  }
}
