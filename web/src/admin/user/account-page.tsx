import { Code, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { Facts } from '../../parts/facts.tsx';
import { Section } from '../../parts/section.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { Moment } from '../../parts/time.tsx';
import { userQuery } from '../queries.ts';
import { DeleteUser } from './delete-user.tsx';
import { ResetCode } from './reset-code.tsx';
import { SetStatus } from './set-status.tsx';

const route = getRouteApi('/inside/admin/users/$userid');

/** Whose account it is, whether it is open, and the ways back into it or out of it. */
export function AccountPage() {
  const { userid } = route.useParams();
  const { data: user } = useQuery(userQuery(userid));
  if (user === undefined) return null;
  const isApp = user.roles.includes('app');
  return (
    <Stack gap="lg">
      <Section title="Account">
        <Facts
          facts={[
            ['Userid', <Code key="userid">{user.userid}</Code>],
            ['Account since', <Moment key="since" at={user.createdAt} />],
            ['Last login', user.lastLoginAt === null ? 'Never' : <Moment key="login" at={user.lastLoginAt} />],
            ['Password', user.passwordLocked ? LOCKED : 'Not locked'],
          ]}
        />
        {isApp && (
          <TextLink to="/admin/apps/$userid" params={{ userid }} size="sm">
            This is an app account: its sign-ups and its credential
          </TextLink>
        )}
      </Section>
      <SetStatus user={user} />
      <ResetCode user={user} />
      <DeleteUser user={user} />
    </Stack>
  );
}

const LOCKED =
  'Off on the web after 100 wrong ones in a row, until a reset or a right login with an apitoken. Apps still log in.';
