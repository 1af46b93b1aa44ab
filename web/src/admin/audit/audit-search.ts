import { readCursor, type PageSearch } from '../../api/paging.ts';
import type { AuditAction } from './audit-words.ts';

/** Whether there is such an action the API says: the words for all of them are loaded with the page alone. */
const ACTION = /^[a-z_]+(?:\.[a-z_]+)?$/;

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
    ...(isAction(action) ? { action } : {}),
    ...readTime('since', since),
    ...readTime('until', until),
  };
}

function isAction(value: unknown): value is AuditAction {
  return typeof value === 'string' && ACTION.test(value);
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
