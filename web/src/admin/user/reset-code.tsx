import { Text } from '@mantine/core';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { SecretOnce } from '../../parts/secret-once.tsx';
import { Section } from '../../parts/section.tsx';
import { Moment } from '../../parts/time.tsx';
import { useChanged } from '../use-changed.ts';

/** A code for somebody who lost the password. Shown by the user's name, for it is of use with that name alone. */
export function ResetCode({ user: { userid, username, roles } }: { user: Schemas['User'] }) {
  const [issued, setIssued] = useState<Schemas['ResetCode'] | null>(null);
  const changed = useChanged();
  const issue = async () => {
    setIssued(await api.POST('/v1/users/{userid}/password-reset', { params: { path: { userid } } }));
    await changed();
  };
  return (
    <Section
      title="Reset code"
      description="For somebody who lost the password: with the code they set a new one themselves. It works once, for 24 hours."
    >
      {issued !== null && (
        <SecretOnce title={`The reset code of ${username}`} secret={issued.code}>
          <Text size="sm">
            Good until <Moment at={issued.expiresAt} />, at {location.origin}/account/reset-password
          </Text>
        </SecretOnce>
      )}
      <ConfirmButton
        label="Make a reset code …"
        title={`Make a reset code for ${username}?`}
        action="Make the code"
        onConfirm={issue}
      >
        Whoever has the code can take the account over: be sure whom you give it to. A code that was made before stops
        working. The password stays as it is until the code is used; then every session is over.
        {roles.includes('app') && ' Every app that was shipped with the old password then signs nobody up any more.'}
      </ConfirmButton>
    </Section>
  );
}
