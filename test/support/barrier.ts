/** A place in the code where a call stands still until it is let go. */
export interface Barrier {
  /** Resolves when a call has come to the barrier. */
  readonly reached: Promise<void>;
  /** Lets it go on; the method is as it was again. */
  release(): void;
}

type Method = (...args: unknown[]) => unknown;

/**
 * Holds the next call of `target[method]`, before it begins or after it is done. The calls behind it pass, so that
 * what another one does meanwhile can be told apart.
 */
export function hold<T extends object>(target: T, method: keyof T & string, where: 'before' | 'after'): Barrier {
  const methods = target as unknown as Record<string, Method>;
  const own = Object.hasOwn(target, method);
  const original = methods[method]!;
  const restore = () => {
    if (own) methods[method] = original;
    else delete methods[method];
  };
  let arrive!: () => void;
  let release!: () => void;
  const reached = new Promise<void>((resolve) => (arrive = resolve));
  const released = new Promise<void>((resolve) => (release = resolve));
  methods[method] = async (...args: unknown[]) => {
    restore();
    if (where === 'before') {
      arrive();
      await released;
      return original.apply(target, args);
    }
    const result = await original.apply(target, args);
    arrive();
    await released;
    return result;
  };
  return { reached, release };
}

/** Polls until `condition` holds; throws after `ms`. For what another process or a heartbeat will do by itself. */
export async function eventually(condition: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
