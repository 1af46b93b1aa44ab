import { Alert, Code, List, Text } from '@mantine/core';
import { ProblemError } from 'postern-client';
import { problemWords } from '../api/problem-words.ts';
import { ReauthenticationCancelled } from '../api/reauthentication.ts';

interface ProblemAlertProps {
  /** What a call threw; nothing is shown for null and for a password dialog that was closed. */
  readonly error: unknown;
  /** Fields that show their own errors. */
  readonly shownFields?: readonly string[];
  /** By the code of the error: what it means here, in place of the usual words. */
  readonly advice?: Readonly<Record<string, string>>;
}

/** What the API said when it refused, read out as soon as it is there. */
export function ProblemAlert({ error, shownFields = [], advice }: ProblemAlertProps) {
  if (error === null || error === undefined || error instanceof ReauthenticationCancelled) return null;
  const errors = error instanceof ProblemError ? (error.errors ?? []) : [];
  const others = errors.filter(({ field }) => !shownFields.includes(field));
  if (errors.length > 0 && others.length === 0) return null;
  const { title, text, requestId } = problemWords(error, advice);
  return (
    <Alert color="red" variant="light" role="alert" title={title}>
      {text !== undefined && <Text size="sm">{text}</Text>}
      {others.length > 0 && (
        <List size="sm">
          {others.map(({ field, message }) => (
            <List.Item key={field}>
              {field}: {message}
            </List.Item>
          ))}
        </List>
      )}
      {requestId !== undefined && (
        <Text size="xs" mt={6}>
          Request <Code fz="xs">{requestId}</Code>
        </Text>
      )}
    </Alert>
  );
}
