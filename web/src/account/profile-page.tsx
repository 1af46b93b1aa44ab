import { Code } from '@mantine/core';
import { useSession } from '../api/session.ts';
import { Facts } from '../parts/facts.tsx';
import { Names } from '../parts/names.tsx';
import { Page } from '../parts/page.tsx';
import { Section } from '../parts/section.tsx';
import { Moment } from '../parts/time.tsx';
import { DeleteAccount } from './delete-account.tsx';

/** Who one is here. */
export function ProfilePage() {
  const me = useSession();
  if (me === null) return null;
  return (
    <Page title="Profile" description="What this service knows you by.">
      <Section title={me.username}>
        <Facts
          facts={[
            ['Userid', <Code key="userid">{me.userid}</Code>],
            ['Roles', <Names key="roles" names={me.roles} none="None" />],
            ['Private areas', <Names key="areas" names={me.areas} none="None yet. Admins let people in." />],
            ['Account since', <Moment key="since" at={me.createdAt} />],
          ]}
        />
      </Section>
      <DeleteAccount username={me.username} />
    </Page>
  );
}
