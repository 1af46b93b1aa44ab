import { Badge, Code, Group, Text } from '@mantine/core';
import { useSession } from '../api/session.ts';
import { Facts } from '../parts/facts.tsx';
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

function Names({ names, none }: { names: readonly string[]; none: string }) {
  if (names.length === 0) return <Text size="sm">{none}</Text>;
  return (
    <Group gap={6}>
      {names.map((name) => (
        <Badge key={name} variant="default" tt="none">
          {name}
        </Badge>
      ))}
    </Group>
  );
}
