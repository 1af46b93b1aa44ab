import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { Schemas } from '../../api/client.ts';
import { FilterForm } from '../../parts/filter-form.tsx';
import { Names } from '../../parts/names.tsx';
import { Page } from '../../parts/page.tsx';
import { PagedTable, type Column } from '../../parts/paged-table.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { TimeAgo } from '../../parts/time.tsx';
import { roleChoicesQuery, usersQuery } from '../queries.ts';
import { UserStatus } from './user-status.tsx';
import { readUsersSearch, type UsersSearch } from './users-search.ts';

type User = Schemas['User'];

const route = getRouteApi('/inside/admin/users');

const columns: readonly Column<User>[] = [
  {
    header: 'Username',
    cell: ({ userid, username }) => (
      <TextLink to="/admin/users/$userid" params={{ userid }} size="sm" fw={550}>
        {username}
      </TextLink>
    ),
  },
  { header: 'Status', cell: (user) => <UserStatus user={user} /> },
  { header: 'Roles', cell: ({ roles }) => <Names names={roles} none="None" /> },
  { header: 'Last login', cell: ({ lastLoginAt }) => (lastLoginAt === null ? 'Never' : <TimeAgo at={lastLoginAt} />) },
  { header: 'Account since', cell: ({ createdAt }) => <TimeAgo at={createdAt} /> },
];

/** Everybody who has an account. */
export function UsersPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const show = (next: UsersSearch) => void navigate({ to: '/admin/users', search: next });
  return (
    <Page
      title="Users"
      description="Everybody who has an account, the newest first."
      actions={
        <Button component={Link} to="/admin/users/new">
          Make a user
        </Button>
      }
    >
      <UsersFilter search={search} onFilter={show} />
      <PagedTable
        caption="Users"
        columns={columns}
        rowKey={({ userid }) => userid}
        query={useQuery(usersQuery(search))}
        cursor={search.cursor}
        onCursor={(cursor) => show({ ...search, cursor })}
        empty="Nobody. A search finds usernames by their beginning."
      />
    </Page>
  );
}

function UsersFilter({ search, onFilter }: { search: UsersSearch; onFilter: (search: UsersSearch) => void }) {
  const roles = useQuery(roleChoicesQuery).data?.items ?? [];
  const names = new Set([...roles.map(({ name }) => name), ...(search.role === undefined ? [] : [search.role])]);
  return (
    <FilterForm
      label="Filter users"
      values={{ search: search.search, status: search.status, role: search.role }}
      onFilter={(values) => onFilter(readUsersSearch(values))}
    >
      <TextInput
        label="Username begins with"
        name="search"
        maxLength={32}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
      />
      <NativeSelect
        label="Status"
        name="status"
        data={[
          { value: '', label: 'Any' },
          { value: 'active', label: 'Active' },
          { value: 'disabled', label: 'Disabled' },
        ]}
      />
      <NativeSelect label="Role" name="role" data={[{ value: '', label: 'Any' }, ...names]} />
    </FilterForm>
  );
}
