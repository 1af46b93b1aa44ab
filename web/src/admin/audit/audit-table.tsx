import { Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Schemas } from '../../api/client.ts';
import { PagedTable, type Column } from '../../parts/paged-table.tsx';
import { Moment } from '../../parts/time.tsx';
import { auditQuery } from '../queries.ts';
import type { AuditSearch } from './audit-search.ts';
import { AUDIT_WORDS, detailWords } from './audit-words.ts';
import { UserName } from './user-name.tsx';

type AuditEntry = Schemas['AuditEntry'];

const briefly: readonly Column<AuditEntry>[] = [
  {
    header: 'When',
    cell: ({ at }) => (
      <Text size="sm" miw={108}>
        <Moment at={at} />
      </Text>
    ),
  },
  { header: 'What', cell: (entry) => <What entry={entry} /> },
  { header: 'Who', cell: ({ actor }) => (actor === null ? 'Not known' : <UserName userid={actor} />) },
  { header: 'Whose account', cell: ({ target }) => (target === null ? '–' : <UserName userid={target} />) },
  { header: 'From', cell: ({ ip }) => ip ?? 'The host' },
];

const columns = [
  ...briefly,
  {
    header: 'Request',
    cell: ({ requestId }: AuditEntry) => (
      <Text size="xs" c="dimmed" className="id">
        {requestId ?? '–'}
      </Text>
    ),
  },
];

interface AuditTableProps {
  readonly caption: string;
  readonly search: AuditSearch & { readonly limit?: number };
  /** Not given: the page that `search` asks for is all, shown briefly. */
  readonly onCursor?: (cursor: string | undefined) => void;
}

/** Entries of the audit log. */
export function AuditTable({ caption, search, onCursor }: AuditTableProps) {
  return (
    <PagedTable
      caption={caption}
      columns={onCursor === undefined ? briefly : columns}
      rowKey={({ id }) => id}
      query={useQuery(auditQuery(search))}
      cursor={search.cursor}
      onCursor={onCursor}
      empty="Nothing that matches."
    />
  );
}

function What({ entry: { action, detail } }: { entry: AuditEntry }) {
  const more = detailWords(detail);
  return (
    <Stack gap={2} miw={0}>
      <Text size="sm" fw={550}>
        {AUDIT_WORDS[action] ?? action}
      </Text>
      {more !== '' && (
        <Text size="xs" c="dimmed" className="id">
          {more}
        </Text>
      )}
    </Stack>
  );
}
