import { Button, Group } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../api/client.ts';
import { leave } from '../api/leave.ts';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';

/** Ends all sessions, or all but this one. */
export function EndSessions() {
  const [asked, setAsked] = useState<'others' | 'all' | null>(null);
  const client = useQueryClient();
  const router = useRouter();
  const close = () => setAsked(null);
  const endOthers = async () => {
    await api.DELETE('/v1/sessions', { params: { query: { keep: 'current' } } });
    await client.invalidateQueries({ queryKey: ['sessions'] });
  };
  const endAll = async () => {
    await api.DELETE('/v1/sessions');
    await leave(client, router);
  };
  return (
    <Group gap="xs">
      <Button variant="default" onClick={() => setAsked('others')}>
        End all others
      </Button>
      <Button variant="default" onClick={() => setAsked('all')}>
        End all
      </Button>
      <ConfirmDialog
        opened={asked === 'others'}
        onClose={close}
        title="End all other sessions?"
        action="End all others"
        onConfirm={endOthers}
      >
        You stay logged in here, and are logged out everywhere else at once.
      </ConfirmDialog>
      <ConfirmDialog
        opened={asked === 'all'}
        onClose={close}
        title="End all sessions?"
        action="End all"
        dangerous
        onConfirm={endAll}
      >
        You are logged out everywhere at once, here too.
      </ConfirmDialog>
    </Group>
  );
}
