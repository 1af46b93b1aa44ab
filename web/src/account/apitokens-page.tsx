import { Badge, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { Schemas } from '../api/client.ts';
import { Page } from '../parts/page.tsx';
import { PagedTable, type Column } from '../parts/paged-table.tsx';
import { TimeAgo } from '../parts/time.tsx';
import { MakeApitoken } from './make-apitoken.tsx';
import { apitokensQuery } from './queries.ts';
import { RevokeApitoken } from './revoke-apitoken.tsx';

type Apitoken = Schemas['Apitoken'];

const route = getRouteApi('/inside/account/apitokens');

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
  { header: 'Action', cell: (apitoken) => <RevokeApitoken apitoken={apitoken} /> },
];

/** The secrets that stand beside username and password where an app or a script logs in. */
export function ApitokensPage() {
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="Apitokens"
      description="Apps and scripts log in with an apitoken beside your username and password. Alone it opens nothing."
    >
      <MakeApitoken />
      <PagedTable
        caption="Your apitokens"
        columns={columns}
        rowKey={({ id }) => id}
        query={useQuery(apitokensQuery(cursor))}
        cursor={cursor}
        onCursor={(next) => void navigate({ to: '/account/apitokens', search: { cursor: next } })}
        empty="You have none: nobody can log in as you but in a browser."
      />
    </Page>
  );
}

function Expiry({ at }: { at: string | null }) {
  if (at === null) return 'Never';
  if (new Date(at) > new Date()) return <TimeAgo at={at} />;
  return (
    <Badge variant="light" color="red" tt="none">
      Expired
    </Badge>
  );
}
