import { Badge, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { Schemas } from '../api/client.ts';
import { Page } from '../parts/page.tsx';
import { PagedTable, type Column } from '../parts/paged-table.tsx';
import { TimeAgo } from '../parts/time.tsx';
import { deviceOf } from './device.ts';
import { EndSessions } from './end-sessions.tsx';
import { EndSession } from './end-session.tsx';
import { sessionsQuery } from './queries.ts';

type Session = Schemas['Session'];

const route = getRouteApi('/inside/account/sessions');

const columns: readonly Column<Session>[] = [
  { header: 'Device', cell: (session) => <Device session={session} /> },
  { header: 'Logged in', cell: ({ createdAt }) => <TimeAgo at={createdAt} /> },
  { header: 'Last seen', cell: ({ lastSeenAt }) => <TimeAgo at={lastSeenAt} /> },
  { header: 'Address', cell: ({ ip }) => ip },
  { header: 'Ends', cell: ({ absoluteExpiresAt }) => <TimeAgo at={absoluteExpiresAt} /> },
  { header: 'Action', cell: (session) => <EndSession session={session} /> },
];

/** Where somebody is logged in. */
export function SessionsPage() {
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="Sessions"
      description="Where you are logged in. One that you do not know: end it, and change the password."
      actions={<EndSessions />}
    >
      <PagedTable
        caption="Your sessions"
        columns={columns}
        rowKey={({ id }) => id}
        query={useQuery(sessionsQuery(cursor))}
        cursor={cursor}
        onCursor={(next) => void navigate({ to: '/account/sessions', search: { cursor: next } })}
        empty="There is none."
      />
    </Page>
  );
}

function Device({ session }: { session: Session }) {
  return (
    <Stack gap={2}>
      <Group gap="xs">
        <Text size="sm" fw={550}>
          {deviceOf(session)}
        </Text>
        {session.current && (
          <Badge variant="light" color="green" tt="none">
            This one
          </Badge>
        )}
      </Group>
      <Text size="xs" c="dimmed">
        {session.mode === 'web' ? 'Browser' : 'App or script'}
      </Text>
    </Stack>
  );
}
