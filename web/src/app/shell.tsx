import { Anchor, AppShell, Box, Burger, Container, Drawer, Group, ScrollArea, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import type { Schemas } from '../api/client.ts';
import { useSession } from '../api/session.ts';
import { ReauthenticationDialog } from '../parts/reauthentication-dialog.tsx';
import { StatusLine } from '../parts/status-line.tsx';
import { ColorSchemeButton } from './color-scheme-button.tsx';
import { isInside } from './is-inside.ts';
import { LogOutButton } from './log-out-button.tsx';
import { Navigation } from './navigation.tsx';

/** The frame around every page. */
export function Shell() {
  const me = useSession();
  const inside = useLocation({ select: ({ pathname }) => isInside(pathname) }) && me !== null;
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: true, desktop: !inside } }}
      padding="md"
    >
      <a href="#main" className="skip-link">
        Skip to content
      </a>
      <AppShell.Header>
        <Header me={me} inside={inside} />
      </AppShell.Header>
      {inside && (
        <AppShell.Navbar p="sm" visibleFrom="sm">
          <ScrollArea>
            <Navigation me={me} />
          </ScrollArea>
        </AppShell.Navbar>
      )}
      <AppShell.Main id="main" tabIndex={-1}>
        <Container size={inside ? 'lg' : 'xs'} px={0} py={{ base: 'xs', sm: 'lg' }}>
          <Outlet />
        </Container>
      </AppShell.Main>
      <ReauthenticationDialog />
      <StatusLine />
    </AppShell>
  );
}

function Header({ me, inside }: { me: Schemas['Me'] | null; inside: boolean }) {
  return (
    <Group h="100%" px="md" justify="space-between" wrap="nowrap">
      <Group gap="xs" wrap="nowrap">
        {inside && me && <PhoneNavigation me={me} />}
        <Anchor component={Link} to="/" fw={700} c="inherit" underline="never">
          Postern
        </Anchor>
      </Group>
      <Group gap="sm" wrap="nowrap">
        <ColorSchemeButton />
        {me && (
          <>
            <Text size="sm" c="dimmed" visibleFrom="sm">
              {me.username}
            </Text>
            <LogOutButton />
          </>
        )}
      </Group>
    </Group>
  );
}

function PhoneNavigation({ me }: { me: Schemas['Me'] }) {
  const [opened, { open, close }] = useDisclosure();
  return (
    <Box hiddenFrom="sm">
      <Burger opened={opened} onClick={open} size="sm" aria-label="Open the navigation" aria-expanded={opened} />
      <Drawer
        opened={opened}
        onClose={close}
        size={280}
        title={me.username}
        closeButtonProps={{ 'aria-label': 'Close the navigation' }}
      >
        <Stack>
          <Navigation me={me} onGone={close} />
        </Stack>
      </Drawer>
    </Box>
  );
}
