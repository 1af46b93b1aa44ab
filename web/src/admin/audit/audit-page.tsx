import { getRouteApi } from '@tanstack/react-router';
import { Page } from '../../parts/page.tsx';
import { AuditFilter } from './audit-filter.tsx';
import type { AuditSearch } from './audit-search.ts';
import { AuditTable } from './audit-table.tsx';

const route = getRouteApi('/inside/admin/audit');

/** What happened. */
export function AuditPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const show = (next: AuditSearch) => void navigate({ to: '/admin/audit', search: next });
  return (
    <Page
      title="Audit log"
      description="Who did what, when and from where, the newest first. Nobody can change it. Refused log-ins are one entry per source, name and minute."
    >
      <AuditFilter search={search} onFilter={show} />
      <AuditTable caption="Audit log" search={search} onCursor={(cursor) => show({ ...search, cursor })} />
    </Page>
  );
}
