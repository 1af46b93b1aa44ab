/** Their format says the same in a word. */
const FORMATS: ReadonlySet<unknown> = new Set(['date-time', 'uuid']);

/**
 * The same document without what only the library that wrote the schemas needs: the patterns of times, uuids and
 * numbers, which nobody can read, and the bounds that every whole number has.
 */
export function plainSchemas<T>(document: T): T {
  return plain(document) as T;
}

function plain(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(plain);
  if (typeof node !== 'object' || node === null) return node;
  const { type, format } = node as { type?: unknown; format?: unknown };
  const entries = Object.entries(node).filter(
    ([key, value]) =>
      !(key === 'pattern' && (type === 'integer' || FORMATS.has(format))) &&
      !(key === 'maximum' && value === Number.MAX_SAFE_INTEGER),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, plain(value)]));
}
