import { Badge, Group, Stack, Text } from '@mantine/core';
import type { ComponentProps, ReactNode } from 'react';
import type { Schemas } from '../api/client.ts';
import { deviceOf } from './device.ts';
import { PagedTable, type Column } from './paged-table.tsx';
import { TimeAgo } from './time.tsx';

type Session = Schemas['Session'];

const columns: readonly Column<Session>[] = [
  { header: 'Device', cell: (session) => <Device session={session} /> },
  { header: 'Logged in', cell: ({ createdAt }) => <TimeAgo at={createdAt} /> },
  { header: 'Last seen', cell: ({ lastSeenAt }) => <TimeAgo at={lastSeenAt} /> },
  { header: 'Address', cell: ({ ip }) => ip },
  { header: 'Ends', cell: (session) => <Ends session={session} /> },
];

interface SessionsTableProps extends Omit<ComponentProps<typeof PagedTable<Session>>, 'columns' | 'rowKey'> {
  /** What can be done with one. */
  readonly action: (session: Session) => ReactNode;
}

/** Where one user is logged in. */
export function SessionsTable({ action, ...table }: SessionsTableProps) {
  return <PagedTable columns={[...columns, { header: 'Action', cell: action }]} rowKey={({ id }) => id} {...table} />;
}

/** A session that is not used ends sooner than one that is. */
function Ends({ session: { expiresAt, absoluteExpiresAt } }: { session: Session }) {
  if (expiresAt === absoluteExpiresAt) return <TimeAgo at={expiresAt} />;
  return (
    <Stack gap={2}>
      <span>
        <TimeAgo at={expiresAt} /> if not used
      </span>
      <Text size="xs" c="dimmed">
        At the latest <TimeAgo at={absoluteExpiresAt} />
      </Text>
    </Stack>
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
