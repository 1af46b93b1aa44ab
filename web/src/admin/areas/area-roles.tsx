import { Button, Group, NativeSelect, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type SyntheticEvent } from 'react';
import { api, type Schemas } from '../../api/client.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { Section } from '../../parts/section.tsx';
import { roleChoicesQuery } from '../queries.ts';
import { useChanged } from '../use-changed.ts';

/** Who may enter a private area by role. */
export function AreaRoles({ area }: { area: Schemas['Area'] }) {
  const { name, roles } = area;
  return (
    <Section title="Allowed roles" description="Whoever holds one of these may enter. The role user is everybody's.">
      {roles.length === 0 && <Text size="sm">None.</Text>}
      {roles.length > 0 && (
        <Stack gap="xs" component="ul" className="plain-list">
          {roles.map((role) => (
            <Group key={role} component="li" justify="space-between" maw={420}>
              <Text size="sm" fw={550}>
                {role}
              </Text>
              <RemoveRole name={name} role={role} />
            </Group>
          ))}
        </Stack>
      )}
      <AddRole area={area} />
    </Section>
  );
}

/** Every role but those on the list, and `app`, which enters no private area. */
function AddRole({ area: { name, roles } }: { area: Schemas['Area'] }) {
  const [chosen, setChosen] = useState('');
  const changed = useChanged();
  const adding = useMutation({
    mutationFn: (role: string) => api.PUT('/v1/areas/{name}/roles/{role}', { params: { path: { name, role } } }),
    onSuccess: changed,
  });
  const known = useQuery(roleChoicesQuery).data?.items ?? [];
  const others = known.map((role) => role.name).filter((role) => role !== 'app' && !roles.includes(role));
  const role = others.includes(chosen) ? chosen : (others[0] ?? '');
  const add = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    adding.mutate(role);
  };
  if (others.length === 0) return null;
  return (
    <form onSubmit={add}>
      <Stack>
        <Group align="flex-end" gap="sm">
          <NativeSelect
            label="Another role"
            data={others}
            value={role}
            onChange={({ currentTarget }) => setChosen(currentTarget.value)}
          />
          <Button type="submit" loading={adding.isPending}>
            Add role
          </Button>
        </Group>
        <ProblemAlert error={adding.error} />
      </Stack>
    </form>
  );
}

function RemoveRole({ name, role }: { name: string; role: string }) {
  const changed = useChanged();
  const remove = async () => {
    await api.DELETE('/v1/areas/{name}/roles/{role}', { params: { path: { name, role } } });
    await changed();
  };
  return (
    <ConfirmButton
      label="Remove"
      about={`Remove ${role}`}
      compact
      title={`Remove ${role} from the list?`}
      action="Remove"
      onConfirm={remove}
    >
      From the next request on whoever enters {name} by the role {role} alone may not any more.
    </ConfirmButton>
  );
}
