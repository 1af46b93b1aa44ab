import { Button, Group, NativeSelect, Stack } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState, type SyntheticEvent } from 'react';
import { api, type Schemas } from '../../api/client.ts';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { roleChoicesQuery } from '../queries.ts';
import { useChanged } from '../use-changed.ts';
import { WhatAppMeans } from '../apps/what-app-means.tsx';

/** Grants a role, after a word on what it gives. */
export function GrantRole({ user }: { user: Schemas['User'] }) {
  const [chosen, setChosen] = useState('');
  // As it was asked: what is chosen above becomes another one as soon as this one is granted.
  const [asked, setAsked] = useState('');
  const [opened, { open, close }] = useDisclosure();
  const roles = useQuery(roleChoicesQuery).data?.items ?? [];
  const others = roles.map(({ name }) => name).filter((name) => !user.roles.includes(name));
  const role = others.includes(chosen) ? chosen : (others[0] ?? '');
  const ask = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    setAsked(role);
    open();
  };
  if (others.length === 0 || user.roles.includes('app')) return null;
  return (
    <form onSubmit={ask}>
      <Group align="flex-end" gap="sm">
        <NativeSelect
          label="Another role"
          data={others}
          value={role}
          onChange={({ currentTarget }) => setChosen(currentTarget.value)}
        />
        <Button type="submit" variant="default">
          Grant …
        </Button>
      </Group>
      <GrantDialog user={user} role={asked} opened={opened} onClose={close} />
    </form>
  );
}

interface GrantDialogProps {
  readonly user: Schemas['User'];
  readonly role: string;
  readonly opened: boolean;
  readonly onClose: () => void;
}

function GrantDialog({ user: { userid, username }, role, opened, onClose }: GrantDialogProps) {
  const changed = useChanged();
  const grant = async () => {
    await api.PUT('/v1/users/{userid}/roles/{name}', { params: { path: { userid, name: role } } });
    await changed();
  };
  return (
    <ConfirmDialog
      opened={opened}
      onClose={onClose}
      title={role === 'app' ? `Make ${username} an app account?` : `Grant ${role} to ${username}?`}
      action="Grant"
      dangerous={role === 'app'}
      onConfirm={grant}
    >
      <Stack gap="xs">{wordsOn(role, username)}</Stack>
    </ConfirmDialog>
  );
}

function wordsOn(role: string, username: string) {
  if (role === 'app') return <WhatAppMeans username={username} />;
  if (role === 'admin') return `${username} can do everything that these pages can, to your account as well.`;
  return `${username} may do what asks for the role ${role}, and enter the private areas that list it.`;
}
