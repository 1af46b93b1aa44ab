import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { nextPath } from '../api/next-path.ts';
import { startAnew } from '../api/session.ts';

/** Gives what follows a login: everything is asked anew, and people go where they were on their way to. */
export function useArrival(next: string | undefined): () => Promise<void> {
  const client = useQueryClient();
  const router = useRouter();
  return async () => {
    await startAnew(client);
    router.history.replace(nextPath(next));
  };
}
