import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, Outlet, useChildMatches } from '@tanstack/react-router';
import { Failed } from '../../parts/failed.tsx';
import { Page } from '../../parts/page.tsx';
import { SubNavigation, subLink } from '../../parts/sub-navigation.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { userQuery } from '../queries.ts';
import { UserStatus } from '../users/user-status.tsx';

const route = getRouteApi('/inside/admin/users/$userid');

const PARTS = [
  { to: '/admin/users/$userid', label: 'Account' },
  { to: '/admin/users/$userid/rights', label: 'Roles and areas' },
  { to: '/admin/users/$userid/sessions', label: 'Sessions' },
  { to: '/admin/users/$userid/apitokens', label: 'Apitokens' },
  { to: '/admin/users/$userid/history', label: 'History' },
] as const;

/** What every page of one user stands in. */
export function UserFrame() {
  const { userid } = route.useParams();
  const { data: user, error, refetch } = useQuery(userQuery(userid));
  const path = useChildMatches({ select: ([child]) => child?.fullPath });
  const { label: part } = PARTS.find(({ to }) => to === path) ?? PARTS[0];
  const failed = <FailedUser userid={userid} error={error} onAgain={() => void refetch()} />;
  if (user === undefined) {
    return (
      <Page title="User" actions={<AllUsers />}>
        {failed}
      </Page>
    );
  }
  return (
    <Page title={user.username} part={part} description={<UserStatus user={user} />} actions={<AllUsers />}>
      {failed}
      <SubNavigation label={`Pages of ${user.username}`}>
        {PARTS.map(({ to, label }) => (
          <Link key={to} className={subLink} to={to} params={{ userid }} activeOptions={{ exact: to === PARTS[0].to }}>
            {label}
          </Link>
        ))}
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
