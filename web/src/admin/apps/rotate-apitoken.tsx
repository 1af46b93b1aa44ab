import { List, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api, type Schemas } from '../../api/client.ts';
import { ApitokensTable } from '../../parts/apitokens-table.tsx';
import { MakeApitoken } from '../../parts/make-apitoken.tsx';
import { Section } from '../../parts/section.tsx';
import { userApitokensQuery } from '../queries.ts';
import { RevokeUserApitoken } from '../user/revoke-user-apitoken.tsx';

const route = getRouteApi('/inside/admin/apps/$userid');

/** A new apitoken beside the old one, which goes when few apps still have it. */
export function RotateApitoken({ user: { userid, username } }: { user: Schemas['User'] }) {
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  const apitokens = useQuery(userApitokensQuery(userid, { cursor }));
  const { items = [], nextCursor = null } = apitokens.data ?? {};
  const only = cursor === undefined && nextCursor === null && items.filter(isAlive).length === 1;
  return (
    <>
      <MakeApitoken
        title="Rotate the apitoken"
        description={<Steps />}
        lifetime=""
        nameHint="Such as the version of the app that will ship with it"
        hint={
          <Text size="sm">
            Put it into the app credential in place of the old apitoken. Username and password stay.
          </Text>
        }
        make={(body) => api.POST('/v1/users/{userid}/apitokens', { params: { path: { userid } }, body })}
      />
      <Section title="Apitokens" description="All of these work, until they are revoked or expire.">
        <ApitokensTable
          caption={`Apitokens of ${username}`}
          query={apitokens}
          cursor={cursor}
          onCursor={(next) => void navigate({ search: { cursor: next } })}
          empty="None: no app can sign anybody up with this account."
          action={(apitoken) => (
            <RevokeUserApitoken userid={userid} apitoken={apitoken}>
              <Stack gap="xs">
                {only && isAlive(apitoken) && (
                  <Text size="sm" fw={600}>
                    It is the only one that works: make another and ship it first.
                  </Text>
                )}
                <span>Apps that ship with it can sign nobody up any more. It cannot be brought back.</span>
              </Stack>
            </RevokeUserApitoken>
          )}
        />
      </Section>
    </>
  );
}

function Steps() {
  return (
    <List type="ordered" size="sm" spacing={4}>
      <List.Item>Make a second apitoken. Both work.</List.Item>
      <List.Item>Ship a version of the app that has the new one.</List.Item>
      <List.Item>When the old one was last used long enough ago, revoke it below.</List.Item>
    </List>
  );
}

function isAlive({ expiresAt }: Schemas['Apitoken']): boolean {
  return expiresAt === null || new Date(expiresAt) > new Date();
}
