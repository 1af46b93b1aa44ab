import { Alert, Button, PasswordInput, Stack } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { hasCode, ProblemError } from 'postern-client';
import { useState } from 'react';
import { plainApi } from '../api/client.ts';
import { useSession } from '../api/session.ts';
import { NewPasswordInput } from '../parts/new-password-input.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem-alert.tsx';
import { Section } from '../parts/section.tsx';
import { useProblemForm } from '../parts/use-problem-form.ts';

/** A new password for one's own account. */
export function PasswordPage() {
  const [changed, setChanged] = useState(false);
  return (
    <Page title="Password">
      <Section
        title="Change the password"
        description="You are logged out everywhere else. Apitokens stay as they are; apps that keep one must log in again."
      >
        {changed && (
          <Alert color="green" variant="light" role="status" title="The password is changed">
            Every other session is over.
          </Alert>
        )}
        <ChangeForm onChanged={setChanged} />
      </Section>
    </Page>
  );
}

function ChangeForm({ onChanged }: { onChanged: (changed: boolean) => void }) {
  const username = useSession()?.username;
  const client = useQueryClient();
  const { form, error, fields, sending, onSubmit } = useProblemForm({
    initialValues: { currentPassword: '', newPassword: '' },
    send: (body) => {
      onChanged(false);
      return plainApi.POST('/v1/users/me/password', { body }).catch(atItsField);
    },
    onDone: async () => {
      onChanged(true);
      await client.invalidateQueries({ queryKey: ['sessions'] });
    },
  });
  return (
    <form onSubmit={onSubmit}>
      <Stack maw={420}>
        <input type="text" name="username" autoComplete="username" defaultValue={username} hidden readOnly />
        <PasswordInput
          label="Current password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          key={form.key('currentPassword')}
          {...form.getInputProps('currentPassword')}
        />
        <NewPasswordInput label="New password" key={form.key('newPassword')} {...form.getInputProps('newPassword')} />
        <ProblemAlert error={error} shownFields={fields} />
        <Button type="submit" loading={sending} w="fit-content">
          Change the password
        </Button>
      </Stack>
    </form>
  );
}

/** The API says of a wrong password by its code which field it is. */
function atItsField(error: unknown): never {
  if (!hasCode(error, 'wrong_password')) throw error;
  throw new ProblemError({ ...error, errors: [{ field: 'currentPassword', message: error.title }] });
}
