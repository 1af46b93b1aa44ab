import { Stack, Text } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { TextLink } from '../../parts/text-link.tsx';
import { AuditTable } from '../audit/audit-table.tsx';

const route = getRouteApi('/inside/admin/users/$userid/history');

/** What a user did, and what was done to the account. */
export function HistoryPage() {
  const { userid } = route.useParams();
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        What this user did, and what was done to the account.{' '}
        <TextLink to="/admin/audit" search={{ userid }}>
          Filter it in the audit log
        </TextLink>
      </Text>
      <AuditTable
        caption="History"
        search={{ userid, cursor }}
        onCursor={(next) => void navigate({ search: { cursor: next } })}
      />
    </Stack>
  );
}
