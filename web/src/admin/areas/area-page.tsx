import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { api, type Schemas } from '../../api/client.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { Failed } from '../../parts/failed.tsx';
import { Page } from '../../parts/page.tsx';
import { Section } from '../../parts/section.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { areaQuery } from '../queries.ts';
import { useChanged } from '../use-changed.ts';
import { AreaRoles } from './area-roles.tsx';
import { AreaUsernames } from './area-usernames.tsx';

const route = getRouteApi('/inside/admin/areas/$name');

/** One private area, and who may enter it. */
export function AreaPage() {
  const { name } = route.useParams();
  const { data: area, error, refetch } = useQuery(areaQuery(name));
  const advice = { not_found: 'There is no such private area, or no longer.' };
  const failed = <Failed error={error} advice={advice} onAgain={() => void refetch()} />;
  if (area === undefined) {
    return (
      <Page title="Private area" actions={<AllAreas />}>
        {failed}
      </Page>
    );
  }
  return (
    <Page title={area.name} description={area.description || 'A private area'} actions={<AllAreas />}>
      {failed}
      <AreaUsernames name={area.name} />
      <AreaRoles area={area} />
      <DeleteArea area={area} />
    </Page>
  );
}

function AllAreas() {
  return (
    <TextLink to="/admin/areas" size="sm">
      All private areas
    </TextLink>
  );
}

function DeleteArea({ area: { name } }: { area: Schemas['Area'] }) {
  const navigate = useNavigate();
  const changed = useChanged();
  const remove = async () => {
    await api.DELETE('/v1/areas/{name}', { params: { path: { name } } });
    await navigate({ to: '/admin/areas' });
    await changed();
  };
  return (
    <Section title="Delete the private area" description="Its lists go with it, and nobody may enter it any more.">
      <ConfirmButton
        label="Delete …"
        title={`Delete the private area ${name}?`}
        action="Delete"
        dangerous
        onConfirm={remove}
      >
        Routes that ask for {name} refuse everybody from the next request on. The lists cannot be brought back; an area
        of the same name begins with empty ones.
      </ConfirmButton>
    </Section>
  );
}
