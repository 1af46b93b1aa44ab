import { Alert, Button, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client.ts';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { SecretOnce } from '../../parts/secret-once.tsx';
import { Section } from '../../parts/section.tsx';
import { TextLink } from '../../parts/text-link.tsx';
import { useProblemForm } from '../../parts/use-problem-form.ts';
import { UsernameInput } from '../../parts/username-input.tsx';
import { useChanged } from '../use-changed.ts';
import { makePassword, snippetFor, type ShippedCredential } from './snippet.ts';

interface MadeAccount extends ShippedCredential {
  readonly userid: string;
}

/** The password is made here: nobody types it, it lies in the app. */
async function makeAccount(username: string): Promise<MadeAccount> {
  const password = makePassword();
  return { ...(await api.POST('/v1/users', { body: { username, password } })), password };
}

/** Makes an account, then an app account of it; between the two it may stop, and go on from there. */
export function MakeApp() {
  const [made, setMade] = useState<MadeAccount | null>(null);
  const changed = useChanged();
  const granting = useMutation({
    mutationFn: ({ userid }: MadeAccount) =>
      api.PUT('/v1/users/{userid}/roles/{name}', { params: { path: { userid, name: 'app' } } }),
    onSuccess: changed,
  });
  const { form, error, fields, sending, onSubmit } = useProblemForm({
    initialValues: { username: '' },
    send: ({ username }) => makeAccount(username),
    onDone: async (account) => {
      setMade(account);
      await granting.mutateAsync(account).catch(() => undefined);
    },
  });
  const unfinished = made !== null && granting.isError;
  return (
    <Section
      title="Make an app account"
      description="It cannot become a normal account again, and its name stays taken: whoever takes the app apart has its secrets. It can be disabled or deleted."
    >
      {made !== null && granting.isSuccess && <ReadyApp made={made} />}
      {unfinished && <Unfinished made={made} error={granting.error} onAgain={() => granting.mutate(made)} />}
      <form onSubmit={onSubmit}>
        <Stack maw={420}>
          <UsernameInput
            description="Such as the name of the app; 3 to 32 letters, digits, dots, dashes or underscores."
            autoComplete="off"
            key={form.key('username')}
            {...form.getInputProps('username')}
          />
          <ProblemAlert error={error} shownFields={fields} />
          <Button type="submit" loading={sending} disabled={unfinished} w="fit-content">
            Make app account
          </Button>
        </Stack>
      </form>
    </Section>
  );
}

function ReadyApp({ made }: { made: MadeAccount }) {
  return (
    <SecretOnce title={`The app credential of ${made.username}`} secret={snippetFor(made)}>
      <Text size="sm">
        For the app: username, password and apitoken, in code that keeps them encrypted on the phone.
      </Text>
    </SecretOnce>
  );
}

interface UnfinishedProps {
  readonly made: MadeAccount;
  readonly error: Error;
  readonly onAgain: () => void;
}

function Unfinished({ made: { userid, username }, error, onAgain }: UnfinishedProps) {
  return (
    <Alert color="orange" variant="light" role="alert" title={`${username} is not an app account yet`}>
      <Stack align="flex-start" gap="sm">
        <Text size="sm">
          The account exists; the role app is not granted. Its password is on this page alone, and lost for good when
          you leave it. Go on, or{' '}
          <TextLink to="/admin/users/$userid" params={{ userid }} inherit>
            delete the account
          </TextLink>
          .
        </Text>
        <ProblemAlert error={error} />
        <Button size="compact-sm" onClick={onAgain}>
          Go on
        </Button>
      </Stack>
    </Alert>
  );
}
