import { Anchor, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Page } from '../parts/page.tsx';

/** What a route throws as `notFound({ data: NOT_ALLOWED })` that is there, but not for this account. */
export const NOT_ALLOWED = 'not allowed';

/** For a path that is no page, or none for this account. */
export function NotFoundPage({ data }: { data?: unknown }) {
  const notAllowed = data === NOT_ALLOWED;
  return (
    <Page title={notAllowed ? 'Not allowed' : 'There is no such page'}>
      <Text>
        {notAllowed ? 'This page is for admins, and your account is none.' : 'The address may be misspelled.'}{' '}
        <Anchor component={Link} to="/">
          Go to your account
        </Anchor>
      </Text>
    </Page>
  );
}
