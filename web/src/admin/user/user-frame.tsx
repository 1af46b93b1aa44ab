import { Button, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, Outlet } from '@tanstack/react-router';
import { Page } from '../../parts/page.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { SubNavigation, subLink } from '../../parts/sub-navigation.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { userQuery } from '../queries.ts';
import { UserStatus } from '../users/user-status.tsx';

const route = getRouteApi('/inside/admin/users/$userid');

/** What every page of one user stands in. */
export function UserFrame() {
  const { userid } = route.useParams();
  const { data: user, error, refetch } = useQuery(userQuery(userid));
  if (user === undefined) return <NoUser error={error} onAgain={() => void refetch()} />;
  return (
    <Page title={user.username} description={<UserStatus user={user} />} actions={<AllUsers />}>
      <SubNavigation label={`Pages of ${user.username}`}>
        <Link className={subLink} to="/admin/users/$userid" params={{ userid }} activeOptions={{ exact: true }}>
          Account
        </Link>
        <Link className={subLink} to="/admin/users/$userid/rights" params={{ userid }}>
          Roles and areas
        </Link>
        <Link className={subLink} to="/admin/users/$userid/sessions" params={{ userid }}>
          Sessions
        </Link>
        <Link className={subLink} to="/admin/users/$userid/apitokens" params={{ userid }}>
          Apitokens
        </Link>
        <Link className={subLink} to="/admin/users/$userid/history" params={{ userid }}>
          History
        </Link>
      </SubNavigation>
      <Outlet />
    </Page>
  );
}

function AllUsers() {
  return (
    <TextLink to="/admin/users" size="sm">
      All users
    </TextLink>
  );
}

/** A deleted account is in no list and answers 404; the audit log still names it. */
function NoUser({ error, onAgain }: { error: Error | null; onAgain: () => void }) {
  const { userid } = route.useParams();
  if (error === null) return null;
  return (
    <Page title="User" actions={<AllUsers />}>
      <ProblemAlert error={error} advice={{ not_found: 'There is no such user, or no longer.' }} />
      <Stack align="flex-start">
        <TextLink to="/admin/audit" search={{ userid }}>
          What the audit log has of this userid
        </TextLink>
        <Button variant="default" onClick={onAgain}>
          Try again
        </Button>
      </Stack>
    </Page>
  );
}
