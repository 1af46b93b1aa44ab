import { Button, Stack, Text } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { plainApi } from '../api/client.ts';
import { useConfig } from '../api/config.ts';
import { NewPasswordInput } from '../parts/new-password-input.tsx';
import { ProblemAlert } from '../parts/problem-alert.tsx';
import { TextLink } from '../parts/text-link.tsx';
import { useProblemForm } from '../parts/use-problem-form.ts';
import { UsernameInput } from '../parts/username-input.tsx';
import { AccessCard } from './access-card.tsx';
import { useArrival } from './use-arrival.ts';

const route = getRouteApi('/signup');

/** A new account, logged in at once; where sign-up is closed, a word on that. */
export function SignupPage() {
  const { next } = route.useSearch();
  const { webSignup } = useConfig();
  return (
    <AccessCard
      title="Sign up"
      elsewhere={
        <>
          You have an account?{' '}
          <TextLink to="/login" search={{ next }}>
            Log in
          </TextLink>
        </>
      }
    >
      {webSignup ? <SignupForm next={next} /> : <Text>Accounts are not made here. Ask an admin for one.</Text>}
    </AccessCard>
  );
}

function SignupForm({ next }: { next: string | undefined }) {
  const { form, error, fields, sending, onSubmit } = useProblemForm({
    initialValues: { username: '', password: '' },
    send: (body) => plainApi.POST('/v1/auth/web/signup', { body }),
    onDone: useArrival(next),
  });
  return (
    <form onSubmit={onSubmit}>
      <Stack>
        <UsernameInput
          description="3 to 32 letters, digits, dots, dashes or underscores, a letter first. It cannot be changed."
          key={form.key('username')}
          {...form.getInputProps('username')}
        />
        <NewPasswordInput label="Password" key={form.key('password')} {...form.getInputProps('password')} />
        <ProblemAlert error={error} shownFields={fields} />
        <Button type="submit" loading={sending} fullWidth>
          Sign up
        </Button>
      </Stack>
    </form>
  );
}
