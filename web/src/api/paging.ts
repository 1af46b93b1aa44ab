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
