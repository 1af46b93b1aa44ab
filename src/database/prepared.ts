const names = new Map<string, string>();

/**
 * Marks a statement that is asked all the time: each connection has PostgreSQL parse and plan it once, which takes
 * several times as long as it runs. For constants whose one plan suits every parameter, and so for no list with filters.
 * @returns `sql`, to be asked as any other
 */
export function prepared(sql: string): string {
  if (!names.has(sql)) names.set(sql, `postern_${names.size + 1}`);
  return sql;
}

/** The name under which a connection keeps it; undefined where it is not marked. */
export function nameOfPrepared(sql: string): string | undefined {
  return names.get(sql);
}
