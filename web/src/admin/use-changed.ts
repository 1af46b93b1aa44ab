import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';

/**
 * Gives what follows a change: everything that is shown is asked for anew, for a change to one thing is seen in many
 * places, and in one's own rights too.
 */
export function useChanged(): () => Promise<void> {
  const client = useQueryClient();
  const router = useRouter();
  return async () => {
    await client.invalidateQueries();
    await router.invalidate();
  };
}
