import type { QueryClient } from '@tanstack/react-query';
import { auditQuery, usernameQuery } from '../queries.ts';
import type { AuditSearch } from './audit-search.ts';

/** A page of the audit log with the names of those it speaks of, so that nothing moves when they come. */
export async function prefetchAudit(client: QueryClient, search: AuditSearch & { limit?: number }): Promise<void> {
  await client.prefetchQuery(auditQuery(search));
  const entries = client.getQueryData(auditQuery(search).queryKey)?.items ?? [];
  const userids = new Set(entries.flatMap(({ actor, target }) => [actor, target]).filter((userid) => userid !== null));
  await Promise.all([...userids].map((userid) => client.prefetchQuery(usernameQuery(userid))));
}
