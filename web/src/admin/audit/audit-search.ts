import { readCursor, type PageSearch } from '../../api/paging.ts';
import { isAuditAction, type AuditAction } from './audit-words.ts';

/** Which entries are listed, in the page's own URL, by the names of the API. */
export interface AuditSearch extends PageSearch {
  readonly userid?: string;
  readonly action?: AuditAction;
  /** RFC 3339. */
  readonly since?: string;
  readonly until?: string;
}

/** For `validateSearch`; what is no filter is left out. */
export function readAuditSearch(values: Record<string, unknown>): AuditSearch {
  const { userid, action, since, until } = values;
  return {
    ...readCursor(values),
    ...(typeof userid === 'string' && userid !== '' ? { userid } : {}),
    ...(isAuditAction(action) ? { action } : {}),
    ...readTime('since', since),
    ...readTime('until', until),
  };
}

function readTime(name: 'since' | 'until', value: unknown): Partial<AuditSearch> {
  if (typeof value !== 'string' || Number.isNaN(Date.parse(value))) return {};
  return { [name]: new Date(value).toISOString() };
}

/** RFC 3339 as a field of type datetime-local has it: the reader's own time, without seconds. */
export function localTime(at: string | undefined): string {
  if (at === undefined) return '';
  const moment = new Date(at);
  const shifted = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}
