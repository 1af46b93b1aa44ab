import { Group, List, Stack, Text } from '@mantine/core';
import { api, type Schemas } from '../../api/client.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { Section } from '../../parts/section.tsx';
import { useChanged } from '../use-changed.ts';
import { GrantRole } from './grant-role.tsx';
import { YourOwn } from './your-own.tsx';

/** The roles of a user, to be granted and withdrawn. */
export function UserRoles({ user }: { user: Schemas['User'] }) {
  return (
    <Section
      title="Roles"
      description="In force for the very next request, on any machine. No role brings another one with it."
    >
      <Stack gap="xs" component="ul" className="plain-list">
        {user.roles.map((role) => (
          <Group key={role} component="li" justify="space-between" maw={420} mih={30}>
            <Text size="sm" fw={550}>
              {role}
            </Text>
            <HeldRole user={user} role={role} />
          </Group>
        ))}
      </Stack>
      <GrantRole user={user} />
    </Section>
  );
}

function HeldRole({ user: { userid, username }, role }: { user: Schemas['User']; role: string }) {
  const changed = useChanged();
  const withdraw = async () => {
    await api.DELETE('/v1/users/{userid}/roles/{name}', { params: { path: { userid, name: role } } });
    await changed();
  };
  if (role === 'user') return <Remark>Everybody has it</Remark>;
  if (role === 'app') return <Remark>Cannot be withdrawn</Remark>;
  return (
    <ConfirmButton
      label="Withdraw"
      about={`Withdraw ${role}`}
      compact
      title={`Withdraw ${role} from ${username}?`}
      action="Withdraw"
      dangerous
      onConfirm={withdraw}
    >
      {role === 'admin' && (
        <YourOwn userid={userid}>these pages close to you, and another admin must let you in again.</YourOwn>
      )}
      <List size="sm" spacing={4}>
        <List.Item>
          The very next request of {username} is refused where {role} is asked for.
        </List.Item>
        <List.Item>Private areas that {username} enters by this role alone are closed.</List.Item>
      </List>
    </ConfirmButton>
  );
}

function Remark({ children }: { children: string }) {
  return (
    <Text size="sm" c="dimmed">
      {children}
    </Text>
  );
}
