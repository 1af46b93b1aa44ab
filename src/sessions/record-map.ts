/** Stands for a record that somebody is about to read; another object each time. */
export type Placeholder = Readonly<{ placeholder: true }>;

interface Entry {
  readonly record: unknown;
  /** On the clock of `performance.now()`. */
  readonly until: number;
}

/** Parsed records by their keys in Redis, of which there are never more than so many; the one filled first goes. */
export class RecordMap {
  private readonly entries = new Map<string, Entry>();
  /** Apart, so that who asks for what is not there takes nobody's place: as many as calls are under way. */
  private readonly announced = new Map<string, Placeholder>();

  constructor(private readonly most: number) {}

  /** Records and announcements. */
  get size(): number {
    return this.entries.size + this.announced.size;
  }

  /** The record, if it has not ended. */
  get(key: string): unknown {
    const entry = this.entries.get(key);
    return entry === undefined || entry.until <= performance.now() ? undefined : entry.record;
  }

  /**
   * Says that the caller will read this key now and fill it: before it asks, so that a change which is told meanwhile
   * removes the announcement. Null where another reader is at it.
   */
  announce(key: string): Placeholder | null {
    if (this.announced.has(key)) return null;
    const placeholder: Placeholder = { placeholder: true };
    this.announced.set(key, placeholder);
    return placeholder;
  }

  /** Fills in what was read, where that very placeholder still stands. */
  fill(key: string, placeholder: Placeholder | null, record: unknown, until: number): void {
    if (placeholder === null || this.announced.get(key) !== placeholder) return;
    this.announced.delete(key);
    this.entries.delete(key);
    if (this.entries.size >= this.most) this.entries.delete(this.entries.keys().next().value!);
    this.entries.set(key, { record, until });
  }

  /** Takes the placeholder back: there was nothing to keep. */
  giveUp(key: string, placeholder: Placeholder | null): void {
    if (placeholder !== null && this.announced.get(key) === placeholder) this.announced.delete(key);
  }

  /** The record, or the announcement of one, no longer counts. */
  forget(key: string): void {
    this.entries.delete(key);
    this.announced.delete(key);
  }

  clear(): void {
    this.entries.clear();
    this.announced.clear();
  }
}
