import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, Outlet } from '@tanstack/react-router';
import { Failed } from '../../parts/failed.tsx';
import { Page } from '../../parts/page.tsx';
import { SubNavigation, subLink } from '../../parts/sub-navigation.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { userQuery } from '../queries.ts';
import { UserStatus } from '../users/user-status.tsx';

const route = getRouteApi('/inside/admin/users/$userid');

/** What every page of one user stands in. */
export function UserFrame() {
  const { userid } = route.useParams();
  const { data: user, error, refetch } = useQuery(userQuery(userid));
  const failed = <FailedUser userid={userid} error={error} onAgain={() => void refetch()} />;
  if (user === undefined) {
    return (
      <Page title="User" actions={<AllUsers />}>
        {failed}
      </Page>
    );
  }
  return (
    <Page title={user.username} description={<UserStatus user={user} />} actions={<AllUsers />}>
      {failed}
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

interface FailedUserProps {
  readonly userid: string;
  readonly error: Error | null;
  readonly onAgain: () => void;
}

/** A deleted account is in no list and answers 404; the audit log still names it. */
function FailedUser({ userid, ...failed }: FailedUserProps) {
  return (
    <Failed {...failed} advice={{ not_found: 'There is no such user, or no longer.' }}>
      <TextLink to="/admin/audit" search={{ userid }} w="fit-content">
        What the audit log has of this userid
      </TextLink>
    </Failed>
  );
}
