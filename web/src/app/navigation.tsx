import { NavLink, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Schemas } from '../api/client.ts';
import { adminLinks } from '../admin/admin-links.ts';
import { accountLinks } from '../account/account-links.ts';

/** An entry of the navigation. */
export interface PageLink {
  readonly to: string;
  readonly label: string;
  /** Only where the path is exactly this one; otherwise below it too. */
  readonly exact?: boolean;
}

interface NavigationProps {
  readonly me: Schemas['Me'];
  readonly onGone?: () => void;
}

/** Where somebody who is logged in can go. */
export function Navigation({ me, onGone }: NavigationProps) {
  return (
    <Stack component="nav" aria-label="Pages" gap="lg">
      <Group title="My account" links={accountLinks} onGone={onGone} />
      {me.roles.includes('admin') && <Group title="Administration" links={adminLinks} onGone={onGone} />}
    </Stack>
  );
}

interface GroupProps {
  readonly title: string;
  readonly links: readonly PageLink[];
  readonly onGone?: () => void;
}

function Group({ title, links, onGone }: GroupProps) {
  return (
    <Stack gap={2}>
      <Text size="xs" fw={600} c="dimmed" px="sm" pb={4}>
        {title}
      </Text>
      {links.map(({ to, label, exact = false }) => (
        <NavLink
          key={to}
          component={Link}
          to={to}
          label={label}
          activeOptions={{ exact, includeSearch: false }}
          onClick={onGone}
        />
      ))}
    </Stack>
  );
}
