import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useSession } from '../../api/session.ts';

/** What it means where the account is one's own; of another's it says nothing. */
export function YourOwn({ userid, children }: { userid: string; children: ReactNode }) {
  const me = useSession();
  if (me?.userid !== userid) return null;
  return (
    <Text size="sm" fw={600} mb="xs">
      This is your own account: {children}
    </Text>
  );
}
