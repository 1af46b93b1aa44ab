import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { api, type Schemas } from '../api/client.ts';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';

/** Takes an apitoken out of use. */
export function RevokeApitoken({ apitoken: { id, name } }: { apitoken: Schemas['Apitoken'] }) {
  const [opened, { open, close }] = useDisclosure();
  const client = useQueryClient();
  const revoke = async () => {
    await api.DELETE('/v1/users/me/apitokens/{id}', { params: { path: { id } } });
    await client.invalidateQueries({ queryKey: ['apitokens'] });
    await client.invalidateQueries({ queryKey: ['sessions'] });
  };
  return (
    <>
      <Button variant="default" size="compact-sm" onClick={open} aria-label={`Revoke ${name}`}>
        Revoke
      </Button>
      <ConfirmDialog
        opened={opened}
        onClose={close}
        title={`Revoke ${name}?`}
        action="Revoke"
        dangerous
        onConfirm={revoke}
      >
        What logs in with it cannot any more, and the sessions it opened are over at once. It cannot be brought back.
      </ConfirmDialog>
    </>
  );
}
