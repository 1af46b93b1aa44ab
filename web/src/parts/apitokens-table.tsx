import { Text } from '@mantine/core';
import type { ComponentProps, ReactNode } from 'react';
import type { Schemas } from '../api/client.ts';
import { Expiry } from './expiry.tsx';
import { PagedTable, type Column } from './paged-table.tsx';
import { TimeAgo } from './time.tsx';

type Apitoken = Schemas['Apitoken'];

const columns: readonly Column<Apitoken>[] = [
  {
    header: 'Name',
    cell: ({ name }) => (
      <Text size="sm" fw={550}>
        {name}
      </Text>
    ),
  },
  { header: 'Made', cell: ({ createdAt }) => <TimeAgo at={createdAt} /> },
  { header: 'Last used', cell: ({ lastUsedAt }) => (lastUsedAt === null ? 'Never' : <TimeAgo at={lastUsedAt} />) },
  { header: 'Expires', cell: ({ expiresAt }) => <Expiry at={expiresAt} /> },
];

interface ApitokensTableProps extends Omit<ComponentProps<typeof PagedTable<Apitoken>>, 'columns' | 'rowKey'> {
  /** What can be done with one. */
  readonly action: (apitoken: Apitoken) => ReactNode;
}

/** Apitokens of one user, without their secrets. */
export function ApitokensTable({ action, ...table }: ApitokensTableProps) {
  return <PagedTable columns={[...columns, { header: 'Action', cell: action }]} rowKey={({ id }) => id} {...table} />;
}
