import { Button, Group, Paper, Skeleton, Stack, Table } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Page } from '../api/paging.ts';
import { EmptyState } from './empty-state.tsx';
import { Failed } from './failed.tsx';
import classes from './paged-table.module.css';

/** One column: its heading, and what a row shows in it. */
export interface Column<Row> {
  readonly header: string;
  readonly cell: (row: Row) => ReactNode;
}

interface PagedTableProps<Row> {
  /** What is listed, for those who do not see it. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  readonly query: UseQueryResult<Page<Row>>;
  /** Of the page that is shown; undefined for the first. */
  readonly cursor: string | undefined;
  /** Puts another one into the URL: undefined for the first page. Not given: the first page is all that is shown. */
  readonly onCursor?: (cursor: string | undefined) => void;
  /** Said where the list has nothing in it: not of a later page, for there is an earlier one. */
  readonly empty: ReactNode;
}

/** A list of the API, page by page. On a phone every row is a card. */
export function PagedTable<Row>({ query, cursor, onCursor, empty, ...table }: PagedTableProps<Row>) {
  const { data, error } = query;
  const failed = <Failed error={error} onAgain={() => void query.refetch()} />;
  if (data === undefined) return error === null ? <Loading /> : failed;
  return (
    <Stack>
      {failed}
      <Paper withBorder className={classes.frame}>
        {data.items.length > 0 ? (
          <Rows rows={data.items} {...table} />
        ) : (
          <EmptyState>{cursor === undefined ? empty : 'Nothing on this page.'}</EmptyState>
        )}
      </Paper>
      {onCursor && (cursor !== undefined || data.nextCursor !== null) && (
        <Group justify="flex-end">
          <PagerButton off={cursor === undefined} onClick={() => onCursor(undefined)}>
            First page
          </PagerButton>
          <PagerButton off={data.nextCursor === null} onClick={() => onCursor(data.nextCursor ?? undefined)}>
            Next page
          </PagerButton>
        </Group>
      )}
    </Stack>
  );
}

/** Off, it keeps the focus, which a disabled button would lose to nothing at the last page. */
function PagerButton({ off, onClick, children }: { off: boolean; onClick: () => void; children: string }) {
  return (
    <Button variant="default" data-disabled={off || undefined} aria-disabled={off} onClick={off ? undefined : onClick}>
      {children}
    </Button>
  );
}

type RowsProps<Row> = Pick<PagedTableProps<Row>, 'caption' | 'columns' | 'rowKey'> & { rows: readonly Row[] };

/** The roles are said because rows that look like cards would lose them. */
function Rows<Row>({ caption, columns, rowKey, rows }: RowsProps<Row>) {
  return (
    <Table role="table" aria-label={caption} className={classes.table} verticalSpacing="sm" horizontalSpacing="md">
      <Table.Thead role="rowgroup">
        <Table.Tr role="row">
          {columns.map(({ header }) => (
            <Table.Th key={header} role="columnheader" scope="col">
              {header}
            </Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody role="rowgroup">
        {rows.map((row) => (
          <Table.Tr key={rowKey(row)} role="row">
            {columns.map(({ header, cell }) => (
              <Table.Td key={header} role="cell" data-label={header}>
                {cell(row)}
              </Table.Td>
            ))}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Loading() {
  return (
    <Stack gap="xs" aria-busy="true" aria-label="Loading">
      {[0, 1, 2, 3].map((row) => (
        <Skeleton key={row} height={44} />
      ))}
    </Stack>
  );
}
