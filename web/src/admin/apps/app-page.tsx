import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { Failed } from '../../parts/failed.tsx';
import { Page } from '../../parts/page.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { userQuery } from '../queries.ts';
import { UserStatus } from '../users/user-status.tsx';
import { RotateApitoken } from './rotate-apitoken.tsx';
import { Signups } from './signups.tsx';

const route = getRouteApi('/inside/admin/apps/$userid');

/** One app account: what it does, and its apitokens. */
export function AppPage() {
  const { userid } = route.useParams();
  const { data: user, error, refetch } = useQuery(userQuery(userid));
  const advice = { not_found: 'There is no such account, or no longer.' };
  const failed = <Failed error={error} advice={advice} onAgain={() => void refetch()} />;
  if (user === undefined) {
    return (
      <Page title="App account" actions={<AllApps />}>
        {failed}
      </Page>
    );
  }
  return (
    <Page title={user.username} description={<UserStatus user={user} />} actions={<AllApps />}>
      {failed}
      <Signups userid={userid} />
      <RotateApitoken user={user} />
      <TextLink to="/admin/users/$userid" params={{ userid }} size="sm">
        Disable, delete, sessions and history of this account
      </TextLink>
    </Page>
  );
}

function AllApps() {
  return (
    <TextLink to="/admin/apps" size="sm">
      All app accounts
    </TextLink>
  );
}
