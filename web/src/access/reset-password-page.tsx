import { Alert, Button, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { plainApi } from '../api/client.ts';
import { NewPasswordInput } from '../parts/new-password-input.tsx';
import { ProblemAlert } from '../parts/problem-alert.tsx';
import { TextLink } from '../parts/text-link.tsx';
import { useProblemForm } from '../parts/use-problem-form.ts';
import { UsernameInput } from '../parts/username-input.tsx';
import { AccessCard } from './access-card.tsx';

/** A new password in exchange for the one-time code that an admin made. */
export function ResetPasswordPage() {
  const [done, setDone] = useState(false);
  return (
    <AccessCard title="Set a new password" elsewhere={<TextLink to="/login">Back to log in</TextLink>}>
      {done ? (
        <Alert color="green" variant="light" role="status" title="The new password is set">
          Every session of the account is over. You can log in now.
        </Alert>
      ) : (
        <ResetForm onDone={() => setDone(true)} />
      )}
    </AccessCard>
  );
}

function ResetForm({ onDone }: { onDone: () => void }) {
  const { form, error, fields, sending, onSubmit } = useProblemForm({
    initialValues: { username: '', code: '', newPassword: '' },
    send: (body) => plainApi.POST('/v1/auth/password-reset', { body }),
    onDone,
  });
  return (
    <form onSubmit={onSubmit}>
      <Stack>
        <Text size="sm">An admin can make a one-time code for you; it is good for 24 hours.</Text>
        <UsernameInput key={form.key('username')} {...form.getInputProps('username')} />
        <TextInput
          label="Code"
          description="It begins with rst_"
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          required
          withAsterisk={false}
          key={form.key('code')}
          {...form.getInputProps('code')}
        />
        <NewPasswordInput label="New password" key={form.key('newPassword')} {...form.getInputProps('newPassword')} />
        <ProblemAlert error={error} shownFields={fields} />
        <Button type="submit" loading={sending} fullWidth>
          Set the new password
        </Button>
      </Stack>
    </form>
  );
}
