import { List } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { api } from '../api/client.ts';
import { leave } from '../api/leave.ts';
import { ConfirmButton } from '../parts/confirm-button.tsx';
import { Section } from '../parts/section.tsx';

/** For the day after a breach. */
export function EndEverySession() {
  const client = useQueryClient();
  const router = useRouter();
  const end = async () => {
    await api.DELETE('/v1/all-sessions');
    await leave(client, router);
  };
  return (
    <Section title="After a breach" description="Everybody who is logged in anywhere is logged out, you too.">
      <ConfirmButton
        label="End the sessions of everybody …"
        title="End the sessions of everybody?"
        action="End them all"
        dangerous
        onConfirm={end}
      >
        <List size="sm" spacing={4}>
          <List.Item>Everybody is logged out, on every machine, in browsers and in apps. You are, too.</List.Item>
          <List.Item>For a few seconds the service answers nobody.</List.Item>
          <List.Item>Passwords and apitokens stay: who has them logs in again.</List.Item>
        </List>
      </ConfirmButton>
    </Section>
  );
}
