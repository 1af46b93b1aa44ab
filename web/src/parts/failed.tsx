import { Button, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { ProblemAlert } from './problem-alert.tsx';

interface FailedProps {
  /** What the last read threw; nothing is shown for null. */
  readonly error: Error | null;
  readonly onAgain: () => void;
  /** By the code of the error: what it means here. */
  readonly advice?: Readonly<Record<string, string>>;
  /** Where else to look. */
  readonly children?: ReactNode;
}

/** What could not be read, alone or above what was read before. */
export function Failed({ error, onAgain, advice, children }: FailedProps) {
  if (error === null) return null;
  return (
    <Stack>
      <ProblemAlert error={error} advice={advice} />
      {children}
      <Button variant="default" w="fit-content" onClick={onAgain}>
        Try again
      </Button>
    </Stack>
  );
}
