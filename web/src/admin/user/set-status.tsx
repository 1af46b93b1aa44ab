import { api, type Schemas } from '../../api/client.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { Section } from '../../parts/section.tsx';
import { useChanged } from '../use-changed.ts';
import { YourOwn } from './your-own.tsx';

/** Closes an account for a while, or opens it again. */
export function SetStatus({ user: { userid, username, status } }: { user: Schemas['User'] }) {
  const changed = useChanged();
  const set = async (next: Schemas['User']['status']) => {
    await api.PATCH('/v1/users/{userid}', { params: { path: { userid } }, body: { status: next } });
    await changed();
  };
  // By its key each question is one of its own: one that is open never turns into the opposite.
  if (status === 'disabled') {
    return (
      <Section title="Enable the account" description="It is disabled: nobody can log in with it.">
        <ConfirmButton
          key={status}
          label="Enable …"
          title={`Enable ${username}?`}
          action="Enable"
          onConfirm={() => set('active')}
        >
          {username} can log in again, with the same password and apitokens. Roles and private areas are as they were.
        </ConfirmButton>
      </Section>
    );
  }
  return (
    <Section
      title="Disable the account"
      description="Nobody can log in with it until it is enabled again. Nothing that it has is lost but its sessions."
    >
      <ConfirmButton
        key={status}
        label="Disable …"
        title={`Disable ${username}?`}
        action="Disable"
        dangerous
        onConfirm={() => set('disabled')}
      >
        <YourOwn userid={userid}>you are logged out here too, and another admin must enable it again.</YourOwn>
        {username} is logged out everywhere at once and cannot log in. You can enable the account again.
      </ConfirmButton>
    </Section>
  );
}
