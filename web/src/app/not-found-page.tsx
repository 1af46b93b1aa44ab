import { Anchor, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Page } from '../parts/page.tsx';

/** For a path that is no page, or none for this account. */
export function NotFoundPage() {
  return (
    <Page title="There is no such page">
      <Text>
        The address may be misspelled.{' '}
        <Anchor component={Link} to="/">
          Go to your account
        </Anchor>
      </Text>
    </Page>
  );
}
