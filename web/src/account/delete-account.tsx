import { Button, List } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { api } from '../api/client.ts';
import { leave } from '../api/leave.ts';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { Section } from '../parts/section.tsx';

/** The end of one's account, with what is lost by it said before. */
export function DeleteAccount({ username }: { username: string }) {
  const [opened, { open, close }] = useDisclosure();
  const client = useQueryClient();
  const router = useRouter();
  const remove = async () => {
    await api.DELETE('/v1/users/me');
    await leave(client, router);
  };
  return (
    <Section title="Delete this account" description="Everything it opens is closed at once. There is no way back.">
      <Button color="red" variant="outline" w="fit-content" onClick={open}>
        Delete my account …
      </Button>
      <ConfirmDialog
        opened={opened}
        onClose={close}
        title={`Delete ${username} for good?`}
        action="Delete my account"
        dangerous
        onConfirm={remove}
      >
        <List size="sm" spacing={4}>
          <List.Item>Your password, apitokens, roles and places in private areas are gone.</List.Item>
          <List.Item>You are logged out everywhere.</List.Item>
          <List.Item>
            The name {username} stays taken: nobody can sign up with it again, you neither. The audit log keeps it.
          </List.Item>
          <List.Item>Nobody can undo this, no admin either.</List.Item>
        </List>
      </ConfirmDialog>
    </Section>
  );
}
