import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api } from '../api/client.ts';
import { ApitokensTable } from '../parts/apitokens-table.tsx';
import { MakeApitoken } from '../parts/make-apitoken.tsx';
import { Page } from '../parts/page.tsx';
import { apitokensQuery } from './queries.ts';
import { RevokeApitoken } from './revoke-apitoken.tsx';

const route = getRouteApi('/inside/account/apitokens');

/** The secrets that stand beside username and password where an app or a script logs in. */
export function ApitokensPage() {
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="Apitokens"
      description="Apps and scripts log in with an apitoken beside your username and password. Alone it opens nothing."
    >
      <MakeApitoken make={(body) => api.POST('/v1/users/me/apitokens', { body })} />
      <ApitokensTable
        caption="Your apitokens"
        query={useQuery(apitokensQuery(cursor))}
        cursor={cursor}
        onCursor={(next) => void navigate({ to: '/account/apitokens', search: { cursor: next } })}
        empty="You have none: nobody can log in as you but in a browser."
        action={(apitoken) => <RevokeApitoken apitoken={apitoken} />}
      />
    </Page>
  );
}
