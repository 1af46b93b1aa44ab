import { Button, Stack, TextInput } from '@mantine/core';
import { ProblemAlert } from './problem-alert.tsx';
import { useProblemForm } from './use-problem-form.ts';

interface NameAndDescriptionProps {
  /** On the button: "Make role". */
  readonly action: string;
  /** Calls the API. */
  readonly send: (body: { name: string; description: string }) => Promise<unknown>;
  readonly onDone: () => Promise<void>;
}

/** What roles and private areas are made of. */
export function NameAndDescription({ action, send, onDone }: NameAndDescriptionProps) {
  const { form, error, fields, sending, onSubmit } = useProblemForm({
    initialValues: { name: '', description: '' },
    send,
    onDone,
  });
  return (
    <form onSubmit={onSubmit}>
      <Stack maw={420}>
        <TextInput
          label="Name"
          description="2 to 32 lower-case letters, digits, dashes or underscores, a letter first. It cannot be changed."
          required
          withAsterisk={false}
          maxLength={32}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          key={form.key('name')}
          {...form.getInputProps('name')}
        />
        <TextInput
          label="Description"
          description="What it is for, for other admins"
          maxLength={200}
          autoComplete="off"
          key={form.key('description')}
          {...form.getInputProps('description')}
        />
        <ProblemAlert error={error} shownFields={fields} />
        <Button type="submit" loading={sending} w="fit-content">
          {action}
        </Button>
      </Stack>
    </form>
  );
}
