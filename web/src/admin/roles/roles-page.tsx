import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api, type Schemas } from '../../api/client.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { NameAndDescription } from '../../parts/name-and-description.tsx';
import { Page } from '../../parts/page.tsx';
import { PagedTable, type Column } from '../../parts/paged-table.tsx';
import { Section } from '../../parts/section.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { rolesQuery } from '../queries.ts';
import { useChanged } from '../use-changed.ts';

type Role = Schemas['Role'];

const route = getRouteApi('/inside/admin/roles');

const columns: readonly Column<Role>[] = [
  {
    header: 'Role',
    cell: ({ name }) => (
      <TextLink to="/admin/users" search={{ role: name }} size="sm" fw={550} aria-label={`${name}: who holds it`}>
        {name}
      </TextLink>
    ),
  },
  { header: 'What it is for', cell: ({ description }) => description },
  { header: 'Action', cell: (role) => (role.builtIn ? 'Built in' : <DeleteRole role={role} />) },
];

/** The roles there are. */
export function RolesPage() {
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  const changed = useChanged();
  return (
    <Page
      title="Roles"
      description="What routes ask for. A user's page grants and withdraws them; no role brings another one with it."
    >
      <PagedTable
        caption="Roles"
        columns={columns}
        rowKey={({ name }) => name}
        query={useQuery(rolesQuery({ cursor }))}
        cursor={cursor}
        onCursor={(next) => void navigate({ to: '/admin/roles', search: { cursor: next } })}
        empty="There is none."
      />
      <Section title="Make a role" description="It does something only where a route or a private area asks for it.">
        <NameAndDescription action="Make role" send={(body) => api.POST('/v1/roles', { body })} onDone={changed} />
      </Section>
    </Page>
  );
}

function DeleteRole({ role: { name } }: { role: Role }) {
  const changed = useChanged();
  const remove = async () => {
    await api.DELETE('/v1/roles/{name}', { params: { path: { name } } });
    await changed();
  };
  return (
    <ConfirmButton
      label="Delete"
      about={`Delete ${name}`}
      compact
      title={`Delete the role ${name}?`}
      action="Delete"
      dangerous
      onConfirm={remove}
    >
      It goes only where nobody holds it and no private area lists it. Routes that ask for it stay closed.
    </ConfirmButton>
  );
}
