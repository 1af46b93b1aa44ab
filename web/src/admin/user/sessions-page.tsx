import { Group, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api, type Schemas } from '../../api/client.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { deviceOf } from '../../parts/device.ts';
import { SessionsTable } from '../../parts/sessions-table.tsx';
import { userQuery, userSessionsQuery } from '../queries.ts';
import { useChanged } from '../use-changed.ts';

const route = getRouteApi('/inside/admin/users/$userid/sessions');

/** Where a user is logged in. */
export function UserSessionsPage() {
  const { userid } = route.useParams();
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: user } = useQuery(userQuery(userid));
  const sessions = useQuery(userSessionsQuery(userid, { cursor }));
  const changed = useChanged();
  const end = async ({ id }: Schemas['Session']) => {
    await api.DELETE('/v1/users/{userid}/sessions/{id}', { params: { path: { userid, id } } });
    await changed();
  };
  const endAll = async () => {
    await api.DELETE('/v1/users/{userid}/sessions', { params: { path: { userid } } });
    await navigate({ search: {} });
    await changed();
  };
  const username = user?.username ?? '';
  return (
    <Stack>
      <SessionsTable
        caption={`Sessions of ${username}`}
        query={sessions}
        cursor={cursor}
        onCursor={(next) => void navigate({ search: { cursor: next } })}
        empty="Not logged in anywhere."
        action={(session) => (
          <ConfirmButton
            label="End"
            about={`End the session on ${deviceOf(session)}`}
            compact
            title="End this session?"
            action="End session"
            onConfirm={() => end(session)}
          >
            {username} is logged out on {deviceOf(session)} at once.
          </ConfirmButton>
        )}
      />
      {(sessions.data?.items.length ?? 0) > 0 && (
        <Group>
          <ConfirmButton
            label="End all …"
            title={`End all sessions of ${username}?`}
            action="End all"
            dangerous
            onConfirm={endAll}
          >
            {username} is logged out everywhere at once, and can log in again.
          </ConfirmButton>
        </Group>
      )}
    </Stack>
  );
}
