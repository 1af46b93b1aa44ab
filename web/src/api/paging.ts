/** The most that a list of the API gives at once. */
export const MOST = 100;

/** A page of a list, as every list of the API answers. */
export interface Page<Row> {
  readonly items: readonly Row[];
  readonly nextCursor: string | null;
}

/** Which page of a list is shown, in the page's own URL. */
export interface PageSearch {
  readonly cursor?: string;
}

/** For `validateSearch` of a page with a list. */
export function readCursor({ cursor }: Record<string, unknown>): PageSearch {
  return typeof cursor === 'string' && cursor !== '' ? { cursor } : {};
}

/** All that a list has, as one page. */
export async function wholeList<Row>(ask: (cursor: string | undefined) => Promise<Page<Row>>): Promise<Page<Row>> {
  const rows: Row[] = [];
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await ask(cursor);
    rows.push(...items);
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
  return { items: rows, nextCursor: null };
}
