import { Button, Group, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api, type Schemas } from '../../api/client.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { PagedTable, type Column } from '../../parts/paged-table.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { Section } from '../../parts/section.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { TimeAgo } from '../../parts/time.tsx';
import { useProblemForm } from '../../parts/use-problem-form.ts';
import { UsernameInput } from '../../parts/username-input.tsx';
import { areaUsernamesQuery } from '../queries.ts';
import { useChanged } from '../use-changed.ts';

type AreaUsername = Schemas['AreaUsername'];

const route = getRouteApi('/inside/admin/areas/$name');

const columns: readonly Column<AreaUsername>[] = [
  {
    header: 'Username',
    cell: ({ userid, username }) => (
      <TextLink to="/admin/users/$userid" params={{ userid }} size="sm" fw={550}>
        {username}
      </TextLink>
    ),
  },
  { header: 'On the list', cell: ({ createdAt }) => <TimeAgo at={createdAt} /> },
];

/** Who may enter a private area by username. */
export function AreaUsernames({ name }: { name: string }) {
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  const action: Column<AreaUsername> = {
    header: 'Action',
    cell: ({ username }) => <RemoveUsername name={name} username={username} />,
  };
  return (
    <Section title="Allowed usernames">
      <PagedTable
        caption={`Allowed usernames of ${name}`}
        columns={[...columns, action]}
        rowKey={({ userid }) => userid}
        query={useQuery(areaUsernamesQuery(name, { cursor }))}
        cursor={cursor}
        onCursor={(next) => void navigate({ search: { cursor: next } })}
        empty="Nobody is on the list."
      />
      <AddUsername name={name} />
    </Section>
  );
}

function AddUsername({ name }: { name: string }) {
  const changed = useChanged();
  const { form, error, fields, sending, onSubmit } = useProblemForm({
    initialValues: { username: '' },
    send: ({ username }) =>
      api.PUT('/v1/areas/{name}/usernames/{username}', { params: { path: { name, username: username.trim() } } }),
    onDone: changed,
  });
  return (
    <form onSubmit={onSubmit}>
      <Stack>
        <Group align="flex-end" gap="sm">
          <UsernameInput
            label="Another username"
            autoComplete="off"
            key={form.key('username')}
            {...form.getInputProps('username')}
          />
          <Button type="submit" loading={sending}>
            Add
          </Button>
        </Group>
        <ProblemAlert
          error={error}
          shownFields={fields}
          advice={{
            not_found: 'There is no user of that name.',
            role_conflict: 'That is an app account: it enters no private area.',
          }}
        />
      </Stack>
    </form>
  );
}

function RemoveUsername({ name, username }: { name: string; username: string }) {
  const changed = useChanged();
  const remove = async () => {
    await api.DELETE('/v1/areas/{name}/usernames/{username}', { params: { path: { name, username } } });
    await changed();
  };
  return (
    <ConfirmButton
      label="Remove"
      about={`Remove ${username}`}
      compact
      title={`Remove ${username} from the list?`}
      action="Remove"
      onConfirm={remove}
    >
      From the next request on {username} may not enter {name}, unless by an allowed role.
    </ConfirmButton>
  );
}
