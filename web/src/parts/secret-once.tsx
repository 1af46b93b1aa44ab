import { Alert, Button, Code, CopyButton, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';

interface SecretOnceProps {
  /** What it is: "The apitoken of laptop". */
  readonly title: string;
  readonly secret: string;
  /** More to say of it, above the secret. */
  readonly children?: ReactNode;
}

/** A secret that the API gives this once. */
export function SecretOnce({ title, secret, children }: SecretOnceProps) {
  return (
    <Alert color="indigo" variant="light" role="status" title={title}>
      <Stack gap="sm" align="flex-start">
        <Text size="sm">Copy it now: it is shown this once, and nobody can look it up later.</Text>
        {children}
        <Code block maw="100%" className="secret">
          {secret}
        </Code>
        <CopyButton value={secret} timeout={3000}>
          {({ copied, copy }) => (
            <Button size="compact-sm" onClick={copy} aria-live="polite">
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
      </Stack>
    </Alert>
  );
}
