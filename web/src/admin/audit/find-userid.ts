import { api } from '../../api/client.ts';
import { MOST } from '../../api/paging.ts';

const USERID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The API finds usernames by their beginning; within these many pages a name that others begin with is found as well. */
const PAGES = 10;

/** So many names begin with the one that was looked for that the search was given up. */
export class TooManyError extends Error {}

/**
 * The userid of a username, or of itself. Null where there is nobody of that name; a deleted account is found by its
 * userid alone.
 * @throws TooManyError
 */
export async function findUserid(who: string): Promise<string | null> {
  const name = who.normalize('NFKC').toLowerCase();
  if (USERID.test(name)) return name;
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const { items, nextCursor } = await api.GET('/v1/users', {
      params: { query: { search: name, limit: MOST, cursor } },
    });
    const found = items.find(({ username }) => username === name);
    if (found !== undefined) return found.userid;
    if (nextCursor === null) return null;
    cursor = nextCursor;
  }
  throw new TooManyError();
}
