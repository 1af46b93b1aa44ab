import { Group, Stack, Text, Title } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';

interface PageProps {
  readonly title: string;
  /** Where one heading stands on several pages: which of them this is, for the tab. */
  readonly part?: string;
  /** A sentence or two on what the page is for. */
  readonly description?: ReactNode;
  /** Beside the heading: what can be done here. */
  readonly actions?: ReactNode;
  readonly children?: ReactNode;
}

/** What every page has: its name, in the tab as well, and its content below. */
export function Page({ title, part, description, actions, children }: PageProps) {
  useEffect(() => {
    document.title = [part, title, 'Postern'].filter(Boolean).join(' · ');
  }, [part, title]);
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-start" gap="sm">
        <Stack gap={4} maw={640}>
          <Title order={1} size="h2" tabIndex={-1}>
            {title}
          </Title>
          {description !== undefined && (
            <Text component="div" c="dimmed" size="sm">
              {description}
            </Text>
          )}
        </Stack>
        {actions}
      </Group>
      {children}
    </Stack>
  );
}
