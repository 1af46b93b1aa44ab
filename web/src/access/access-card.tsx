import { Center, Paper, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Page } from '../parts/page.tsx';

interface AccessCardProps {
  readonly title: string;
  readonly children: ReactNode;
  /** Where else to go, below the card. */
  readonly elsewhere?: ReactNode;
}

/** The frame of the pages for people who are not logged in. */
export function AccessCard({ title, children, elsewhere }: AccessCardProps) {
  return (
    <Page title={title}>
      <Paper withBorder shadow="xs" p={{ base: 'md', sm: 'xl' }}>
        {children}
      </Paper>
      {elsewhere !== undefined && (
        <Center>
          <Text component="div" size="sm" ta="center">
            {elsewhere}
          </Text>
        </Center>
      )}
    </Page>
  );
}
