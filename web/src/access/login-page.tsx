import { Button, PasswordInput, Stack } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { plainApi } from '../api/client.ts';
import { useConfig } from '../api/config.ts';
import { ProblemAlert } from '../parts/problem-alert.tsx';
import { TextLink } from '../parts/text-link.tsx';
import { useProblemForm } from '../parts/use-problem-form.ts';
import { UsernameInput } from '../parts/username-input.tsx';
import { AccessCard } from './access-card.tsx';
import { useArrival } from './use-arrival.ts';

const route = getRouteApi('/login');

/** Username and password, in exchange for a cookie. */
export function LoginPage() {
  const { next } = route.useSearch();
  const { form, error, fields, sending, onSubmit } = useProblemForm({
    initialValues: { username: '', password: '' },
    send: (body) => plainApi.POST('/v1/auth/web/login', { body }),
    onDone: useArrival(next),
  });
  return (
    <AccessCard title="Log in" elsewhere={<Elsewhere next={next} />}>
      <form onSubmit={onSubmit}>
        <Stack>
          <UsernameInput key={form.key('username')} {...form.getInputProps('username')} />
          <PasswordInput
            label="Password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            key={form.key('password')}
            {...form.getInputProps('password')}
          />
          <ProblemAlert error={error} shownFields={fields} />
          <Button type="submit" loading={sending} fullWidth>
            Log in
          </Button>
        </Stack>
      </form>
    </AccessCard>
  );
}

function Elsewhere({ next }: { next: string | undefined }) {
  const { webSignup } = useConfig();
  return (
    <Stack gap="xs">
      {webSignup && (
        <span>
          No account yet?{' '}
          <TextLink to="/signup" search={{ next }}>
            Sign up
          </TextLink>
        </span>
      )}
      <span>
        Forgot the password? An admin can give you a code to{' '}
        <TextLink to="/account/reset-password">set a new one</TextLink>.
      </span>
    </Stack>
  );
}
