import { Button, Group, TextInput } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import type { SyntheticEvent } from 'react';
import { useConfig } from '../api/config.ts';
import { Facts } from '../parts/facts.tsx';
import { Page } from '../parts/page.tsx';
import { Section } from '../parts/section.tsx';
import { TextLink } from '../parts/text-link.tsx';
import { AuditTable } from './audit/audit-table.tsx';
import { EndEverySession } from './end-every-session.tsx';
import { LATEST } from './latest.ts';

const route = getRouteApi('/inside/admin/');

/** Where admins begin: the way to a user, what happened last, what this installation allows. */
export function OverviewPage() {
  return (
    <Page title="Administration" actions={<FindUser />}>
      <Section title="Lately">
        <AuditTable caption="Latest entries of the audit log" search={LATEST} />
        <TextLink to="/admin/audit" size="sm">
          The whole audit log
        </TextLink>
      </Section>
      <Installation />
      <EndEverySession />
    </Page>
  );
}

function FindUser() {
  const navigate = route.useNavigate();
  const find = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    const search = new FormData(event.currentTarget).get('search');
    void navigate({ to: '/admin/users', search: { search: typeof search === 'string' ? search.trim() : '' } });
  };
  return (
    <form role="search" aria-label="Find a user" onSubmit={find}>
      <Group gap="xs" wrap="nowrap">
        <TextInput
          name="search"
          aria-label="Username begins with"
          placeholder="Username begins with"
          maxLength={32}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
        />
        <Button type="submit">Find</Button>
      </Group>
    </form>
  );
}

function Installation() {
  const { webSignup, passwordMinLength, basicAuth } = useConfig();
  return (
    <Section title="This installation" description="As it was started; whoever runs the service can change it.">
      <Facts
        facts={[
          ['Sign-up on the web', webSignup ? 'Open to everybody' : 'Closed: admins and apps make accounts'],
          ['Shortest password', `${passwordMinLength} characters`],
          ['Basic mode', basicAuth ? 'On' : 'Off'],
        ]}
      />
    </Section>
  );
}
