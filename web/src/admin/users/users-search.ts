import type { Schemas } from '../../api/client.ts';
import { readCursor, type PageSearch } from '../../api/paging.ts';

/** Which users are listed, in the page's own URL. */
export interface UsersSearch extends PageSearch {
  readonly search?: string;
  readonly role?: string;
  readonly status?: Schemas['User']['status'];
}

/** For `validateSearch`; what is no filter is left out. */
export function readUsersSearch(values: Record<string, unknown>): UsersSearch {
  const { search, role, status } = values;
  return {
    ...readCursor(values),
    ...(isText(search) ? { search } : {}),
    ...(isText(role) ? { role } : {}),
    ...(status === 'active' || status === 'disabled' ? { status } : {}),
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
