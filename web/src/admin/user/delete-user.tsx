import { List } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { api, type Schemas } from '../../api/client.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { Section } from '../../parts/section.tsx';
import { useChanged } from '../use-changed.ts';
import { YourOwn } from './your-own.tsx';

/** The end of an account, with what is lost by it said before. */
export function DeleteUser({ user: { userid, username, roles } }: { user: Schemas['User'] }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const changed = useChanged();
  const remove = async () => {
    await api.DELETE('/v1/users/{userid}', { params: { path: { userid } } });
    await navigate({ to: '/admin/users' });
    client.removeQueries({ queryKey: ['admin', 'user', userid] });
    await changed();
  };
  return (
    <Section title="Delete the account" description="Everything it opens is closed at once. There is no way back.">
      <ConfirmButton
        label="Delete …"
        title={`Delete ${username} for good?`}
        action="Delete"
        dangerous
        onConfirm={remove}
      >
        <YourOwn userid={userid}>you are logged out with it, here too.</YourOwn>
        <List size="sm" spacing={4}>
          <List.Item>Password, apitokens, roles and places in private areas are gone.</List.Item>
          <List.Item>{username} is logged out everywhere at once.</List.Item>
          <List.Item>
            The name {username} stays taken: nobody can have it again. The audit log keeps the name and the userid.
          </List.Item>
          {roles.includes('app') && <List.Item>Apps that ship with it can sign nobody up any more.</List.Item>}
          <List.Item>Nobody can undo this.</List.Item>
        </List>
      </ConfirmButton>
    </Section>
  );
}
