/** Stands for a record that somebody is about to read; another object each time. */
export type Placeholder = Readonly<{ placeholder: true }>;

interface Entry {
  readonly record: unknown;
  /** On the clock of `performance.now()`. */
  readonly until: number;
}

/** Parsed records by their keys in Redis, of which there are never more than so many; the one filled first goes. */
export class RecordMap {
  private readonly entries = new Map<string, Entry | Placeholder>();

  constructor(private readonly most: number) {}

  get size(): number {
    return this.entries.size;
  }

  /** The record, if it has not ended; undefined for a placeholder too. */
  get(key: string): unknown {
    const entry = this.entries.get(key);
    return entry === undefined || 'placeholder' in entry || entry.until <= performance.now() ? undefined : entry.record;
  }

  /**
   * Says that the caller will read this key now and fill it: before it asks, so that a change which is told meanwhile
   * removes the announcement. Null where another reader is at it.
   */
  announce(key: string): Placeholder | null {
    const entry = this.entries.get(key);
    if (entry !== undefined && 'placeholder' in entry) return null;
    const placeholder: Placeholder = { placeholder: true };
    this.put(key, placeholder);
    return placeholder;
  }

  /** Fills in what was read, where that very placeholder still stands. */
  fill(key: string, placeholder: Placeholder | null, record: unknown, until: number): void {
    if (placeholder === null || this.entries.get(key) !== placeholder) return;
    this.entries.set(key, { record, until });
  }

  /** Takes the placeholder back: there was nothing to keep. */
  giveUp(key: string, placeholder: Placeholder | null): void {
    if (placeholder !== null && this.entries.get(key) === placeholder) this.entries.delete(key);
  }

  /** The record, or the announcement of one, no longer counts. */
  forget(key: string): void {
    this.entries.delete(key);
  }

  clear(): void {
    this.entries.clear();
  }

  private put(key: string, entry: Placeholder): void {
    this.entries.delete(key);
    if (this.entries.size >= this.most) this.entries.delete(this.entries.keys().next().value!);
    this.entries.set(key, entry);
  }
}
