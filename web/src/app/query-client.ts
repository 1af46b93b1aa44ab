import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { isUnauthenticated } from '../api/session.ts';

/**
 * The cache of what the API said. A call that was answered 401 is repeated once, since the session may just have been
 * replaced by a new one; answered so again, `onSessionLost` is told. What the API itself asks to be repeated, its client
 * repeats.
 */
export function createQueryClient(onSessionLost: () => void): QueryClient {
  const onError = (error: Error) => {
    if (isUnauthenticated(error)) onSessionLost();
  };
  const retry = (failures: number, error: Error) => failures === 0 && isUnauthenticated(error);
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      // What others changed is seen at the next look: lists are asked for anew, and shown meanwhile as they were.
      queries: { retry, retryDelay: 200, staleTime: 5_000 },
      // What was sent may have been a password, what came back a token: nothing of it outlives its form.
      mutations: { retry, retryDelay: 200, networkMode: 'always', gcTime: 0 },
    },
  });
}
