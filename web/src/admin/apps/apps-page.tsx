import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { Schemas } from '../../api/client.ts';
import { Page } from '../../parts/page.tsx';
import { PagedTable, type Column } from '../../parts/paged-table.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { TimeAgo } from '../../parts/time.tsx';
import { usersQuery } from '../queries.ts';
import { UserStatus } from '../users/user-status.tsx';
import { MakeApp } from './make-app.tsx';

const route = getRouteApi('/inside/admin/apps');

const columns: readonly Column<Schemas['User']>[] = [
  {
    header: 'App account',
    cell: ({ userid, username }) => (
      <TextLink to="/admin/apps/$userid" params={{ userid }} size="sm" fw={550}>
        {username}
      </TextLink>
    ),
  },
  { header: 'Status', cell: (user) => <UserStatus user={user} /> },
  { header: 'Last login', cell: ({ lastLoginAt }) => (lastLoginAt === null ? 'Never' : <TimeAgo at={lastLoginAt} />) },
  { header: 'Account since', cell: ({ createdAt }) => <TimeAgo at={createdAt} /> },
];

/** What mobile apps ship with. */
export function AppsPage() {
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="App accounts"
      description="What a mobile app ships with, so that people can sign up in it. Whoever takes the app apart has its secrets, so it opens nothing else."
    >
      <PagedTable
        caption="App accounts"
        columns={columns}
        rowKey={({ userid }) => userid}
        query={useQuery(usersQuery({ role: 'app', cursor }))}
        cursor={cursor}
        onCursor={(next) => void navigate({ to: '/admin/apps', search: { cursor: next } })}
        empty="There is none yet: nobody can sign up through an app."
      />
      <MakeApp />
    </Page>
  );
}
