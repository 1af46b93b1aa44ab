import { Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { plainApi } from '../api/client.ts';
import { openQuestion, type Question } from '../api/reauthentication.ts';
import { useSession } from '../api/session.ts';
import { ProblemAlert } from './problem-alert.tsx';
import { useProblemForm } from './use-problem-form.ts';

/** Above the dialogs that may have led here (Mantine's are at 200). */
const ABOVE_OTHERS = 300;

/** Asks for the password wherever a call of `api` was answered 403 `reauthentication_required`. */
export function ReauthenticationDialog() {
  const question = useSyncExternalStore(openQuestion.subscribe, openQuestion.current);
  return (
    <Modal
      opened={question !== null}
      onClose={() => question?.cancelled()}
      title="Your password, once more"
      zIndex={ABOVE_OTHERS}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {question && <PasswordForm question={question} />}
    </Modal>
  );
}

function PasswordForm({ question }: { question: Question }) {
  const client = useQueryClient();
  const username = useSession()?.username;
  const { form, error, fields, sending, onSubmit } = useProblemForm({
    initialValues: { password: '' },
    send: (body) => plainApi.POST('/v1/auth/reauthenticate', { body }),
    onDone: () => {
      question.proved();
      // This session has another id now.
      void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey.includes('sessions') });
    },
  });
  return (
    <form onSubmit={onSubmit}>
      <Stack>
        <Text size="sm">You have been logged in for a while. To go on, show that it is still you.</Text>
        <input type="text" name="username" autoComplete="username" defaultValue={username} hidden readOnly />
        <PasswordInput
          label="Password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          data-autofocus
          key={form.key('password')}
          {...form.getInputProps('password')}
        />
        <ProblemAlert error={error} shownFields={fields} />
        <Group justify="flex-end">
          <Button variant="default" onClick={question.cancelled}>
            Cancel
          </Button>
          <Button type="submit" loading={sending}>
            Go on
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
