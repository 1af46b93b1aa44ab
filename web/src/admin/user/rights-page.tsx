import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { Schemas } from '../../api/client.ts';
import { PagedTable, type Column } from '../../parts/paged-table.tsx';
import { Section } from '../../parts/section.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { userAreasQuery, userQuery } from '../queries.ts';
import { UserRoles } from './user-roles.tsx';

type EnterableArea = Schemas['EnterableArea'];

const route = getRouteApi('/inside/admin/users/$userid/rights');

const columns: readonly Column<EnterableArea>[] = [
  {
    header: 'Private area',
    cell: ({ name }) => (
      <TextLink to="/admin/areas/$name" params={{ name }} size="sm" fw={550}>
        {name}
      </TextLink>
    ),
  },
  { header: 'May enter by', cell: ({ byUsername, byRoles }) => reasons(byUsername, byRoles) },
  { header: 'What it is', cell: ({ description }) => description },
];

/** What a user may do, and where they may go. */
export function RightsPage() {
  const { userid } = route.useParams();
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: user } = useQuery(userQuery(userid));
  const areas = useQuery(userAreasQuery(userid, { cursor }));
  if (user === undefined) return null;
  return (
    <Stack gap="lg">
      <UserRoles user={user} />
      <Section
        title="Private areas"
        description="Those that this user may enter. Each area's own page has the lists of usernames and roles."
      >
        <PagedTable
          caption={`Private areas of ${user.username}`}
          columns={columns}
          rowKey={({ name }) => name}
          query={areas}
          cursor={cursor}
          onCursor={(next) => void navigate({ search: { cursor: next } })}
          empty="None."
        />
      </Section>
    </Stack>
  );
}

function reasons(byUsername: boolean, byRoles: readonly string[]): string {
  return [...(byUsername ? ['username'] : []), ...byRoles.map((role) => `role ${role}`)].join(', ');
}
