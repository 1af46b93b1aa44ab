import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { api, type Schemas } from '../api/client.ts';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { deviceOf } from './device.ts';

/** Ends one session; this one is ended by logging out. */
export function EndSession({ session }: { session: Schemas['Session'] }) {
  const [opened, { open, close }] = useDisclosure();
  const client = useQueryClient();
  const device = deviceOf(session);
  const end = async () => {
    await api.DELETE('/v1/sessions/{id}', { params: { path: { id: session.id } } });
    await client.invalidateQueries({ queryKey: ['sessions'] });
  };
  if (session.current) return null;
  return (
    <>
      <Button variant="default" size="compact-sm" onClick={open} aria-label={`End the session on ${device}`}>
        End
      </Button>
      <ConfirmDialog opened={opened} onClose={close} title="End this session?" action="End session" onConfirm={end}>
        {device} is logged out at once.
      </ConfirmDialog>
    </>
  );
}
