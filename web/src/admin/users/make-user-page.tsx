import { Button, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { api, type Schemas } from '../../api/client.ts';
import { NewPasswordInput } from '../../parts/new-password-input.tsx';
import { Page } from '../../parts/page.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { SecretOnce } from '../../parts/secret-once.tsx';
import { Section } from '../../parts/section.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { useProblemForm } from '../../parts/use-problem-form.ts';
import { UsernameInput } from '../../parts/username-input.tsx';
import { useChanged } from '../use-changed.ts';

/** An account for somebody else, where people cannot or should not sign up themselves. */
export function MakeUserPage() {
  const [made, setMade] = useState<Schemas['CreatedUser'] | null>(null);
  return (
    <Page title="Make a user" description="The account has the role user and nothing more; roles come afterwards.">
      {made !== null && <MadeUser made={made} />}
      <Section title="The account">
        <UserForm onMade={setMade} />
      </Section>
    </Page>
  );
}

function UserForm({ onMade }: { onMade: (made: Schemas['CreatedUser']) => void }) {
  const changed = useChanged();
  const { form, error, fields, sending, onSubmit } = useProblemForm({
    initialValues: { username: '', password: '' },
    send: (body) => api.POST('/v1/users', { body }),
    onDone: async (made) => {
      onMade(made);
      await changed();
    },
  });
  return (
    <form onSubmit={onSubmit}>
      <Stack maw={420}>
        <UsernameInput
          description="3 to 32 letters, digits, dots, dashes or underscores, a letter first. It cannot be changed, and stays taken even after the account is deleted."
          autoComplete="off"
          key={form.key('username')}
          {...form.getInputProps('username')}
        />
        <NewPasswordInput label="Password" key={form.key('password')} {...form.getInputProps('password')} />
        <ProblemAlert error={error} shownFields={fields} />
        <Button type="submit" loading={sending} w="fit-content">
          Make user
        </Button>
      </Stack>
    </form>
  );
}

function MadeUser({ made: { userid, username, apitoken } }: { made: Schemas['CreatedUser'] }) {
  return (
    <SecretOnce title={`The first apitoken of ${username}`} secret={apitoken}>
      <Text size="sm">
        The account exists:{' '}
        <TextLink to="/admin/users/$userid" params={{ userid }}>
          {username}
        </TextLink>
        . Only an app or a script needs the apitoken; a browser needs the password alone.
      </Text>
    </SecretOnce>
  );
}
