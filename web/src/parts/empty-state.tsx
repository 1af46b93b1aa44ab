import { Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';

/** In place of a list that has nothing in it: why, and what to do about it. */
export function EmptyState({ children }: { children: ReactNode }) {
  return (
    <Stack align="center" py="xl">
      <Text component="div" c="dimmed" ta="center">
        {children}
      </Text>
    </Stack>
  );
}
