import { Badge, Group } from '@mantine/core';
import type { Schemas } from '../../api/client.ts';

/** Whether somebody may log in. */
export function UserStatus({ user: { status, passwordLocked } }: { user: Schemas['User'] }) {
  const disabled = status === 'disabled';
  return (
    <Group gap={6}>
      <Badge variant="light" color={disabled ? 'red' : 'green'} tt="none">
        {disabled ? 'Disabled' : 'Active'}
      </Badge>
      {passwordLocked && (
        <Badge variant="light" color="orange" tt="none">
          Password locked
        </Badge>
      )}
    </Group>
  );
}
