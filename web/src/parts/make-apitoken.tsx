import { Button, NativeSelect, Stack, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import type { Schemas } from '../api/client.ts';
import { ProblemAlert } from './problem-alert.tsx';
import { SecretOnce } from './secret-once.tsx';
import { Section } from './section.tsx';
import { useProblemForm } from './use-problem-form.ts';

const DAY_MS = 86_400_000;

/** Days, as text because that is what a select has; empty: it does not expire. */
const LIFETIMES = [
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In a year' },
  { value: '', label: 'Never' },
];

interface MakeApitokenProps {
  /** Calls the API. */
  readonly make: (body: Schemas['CreateApitokenRequest']) => Promise<Schemas['CreatedApitoken']>;
  readonly title?: string;
  readonly description?: ReactNode;
  /** What is chosen at first: one of the lifetimes above. */
  readonly lifetime?: '30' | '90' | '365' | '';
  /** Under the name: what a good one says. */
  readonly nameHint?: string;
  /** Said beside the secret. */
  readonly hint?: ReactNode;
}

/** A new apitoken, shown this once. */
export function MakeApitoken({
  make,
  title = 'Make an apitoken',
  description,
  lifetime = '90',
  nameHint = 'What it is for, such as the device that will have it',
  hint,
}: MakeApitokenProps) {
  const [made, setMade] = useState<Schemas['CreatedApitoken'] | null>(null);
  const client = useQueryClient();
  const { form, error, fields, sending, onSubmit } = useProblemForm({
    initialValues: { name: '', expiresAt: lifetime as string },
    send: ({ name, expiresAt }) => make({ name, expiresAt: inDays(expiresAt) }),
    onDone: async (apitoken) => {
      setMade(apitoken);
      await client.invalidateQueries({ predicate: ({ queryKey }) => queryKey.includes('apitokens') });
    },
  });
  return (
    <Section title={title} description={description}>
      {made !== null && (
        <SecretOnce title={`The apitoken of ${made.name}`} secret={made.apitoken}>
          {hint}
        </SecretOnce>
      )}
      <form onSubmit={onSubmit}>
        <Stack maw={420}>
          <TextInput
            label="Name"
            description={nameHint}
            required
            withAsterisk={false}
            maxLength={64}
            autoComplete="off"
            key={form.key('name')}
            {...form.getInputProps('name')}
          />
          <NativeSelect
            label="Expires"
            data={LIFETIMES}
            key={form.key('expiresAt')}
            {...form.getInputProps('expiresAt')}
          />
          <ProblemAlert error={error} shownFields={fields} />
          <Button type="submit" loading={sending} w="fit-content">
            Make apitoken
          </Button>
        </Stack>
      </form>
    </Section>
  );
}

function inDays(days: string): string | undefined {
  return days === '' ? undefined : new Date(Date.now() + Number(days) * DAY_MS).toISOString();
}
