import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api, type Schemas } from '../../api/client.ts';
import { NameAndDescription } from '../../parts/name-and-description.tsx';
import { Names } from '../../parts/names.tsx';
import { Page } from '../../parts/page.tsx';
import { PagedTable, type Column } from '../../parts/paged-table.tsx';
import { Section } from '../../parts/section.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { areasQuery } from '../queries.ts';
import { useChanged } from '../use-changed.ts';

const route = getRouteApi('/inside/admin/areas');

const columns: readonly Column<Schemas['Area']>[] = [
  {
    header: 'Private area',
    cell: ({ name }) => (
      <TextLink to="/admin/areas/$name" params={{ name }} size="sm" fw={550}>
        {name}
      </TextLink>
    ),
  },
  { header: 'What it is', cell: ({ description }) => description },
  { header: 'Allowed roles', cell: ({ roles }) => <Names names={roles} none="None" /> },
];

/** The private areas there are. */
export function AreasPage() {
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  const changed = useChanged();
  return (
    <Page
      title="Private areas"
      description="Parts of the service that only those enter who are on the list, by username or by role. Admins are no exception."
    >
      <PagedTable
        caption="Private areas"
        columns={columns}
        rowKey={({ name }) => name}
        query={useQuery(areasQuery({ cursor }))}
        cursor={cursor}
        onCursor={(next) => void navigate({ to: '/admin/areas', search: { cursor: next } })}
        empty="There is none yet."
      />
      <Section title="Make a private area" description="At first nobody may enter it.">
        <NameAndDescription
          action="Make private area"
          send={(body) => api.POST('/v1/areas', { body })}
          onDone={changed}
        />
      </Section>
    </Page>
  );
}
