import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api } from '../../api/client.ts';
import { ApitokensTable } from '../../parts/apitokens-table.tsx';
import { MakeApitoken } from '../../parts/make-apitoken.tsx';
import { userApitokensQuery, userQuery } from '../queries.ts';
import { RevokeUserApitoken } from './revoke-user-apitoken.tsx';

const route = getRouteApi('/inside/admin/users/$userid/apitokens');

/** The apitokens of a user. */
export function UserApitokensPage() {
  const { userid } = route.useParams();
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: user } = useQuery(userQuery(userid));
  const apitokens = useQuery(userApitokensQuery(userid, { cursor }));
  const username = user?.username ?? '';
  return (
    <Stack gap="lg">
      <MakeApitoken
        make={(body) => api.POST('/v1/users/{userid}/apitokens', { params: { path: { userid } }, body })}
        description={`Of use with the username and password of ${username} alone.`}
      />
      <ApitokensTable
        caption={`Apitokens of ${username}`}
        query={apitokens}
        cursor={cursor}
        onCursor={(next) => void navigate({ search: { cursor: next } })}
        empty="None: nobody can log in with this account but in a browser."
        action={(apitoken) => (
          <RevokeUserApitoken userid={userid} apitoken={apitoken}>
            What logs in with it cannot any more, and the sessions it opened are over at once. It cannot be brought
            back.
          </RevokeUserApitoken>
        )}
      />
    </Stack>
  );
}
