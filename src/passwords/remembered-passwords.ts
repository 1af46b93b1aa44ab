import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** `wrong`: another password is remembered for that account at that epoch; `unknown`: none is. */
export type RememberedAnswer = 'right' | 'wrong' | 'unknown';

interface Remembered {
  readonly epoch: string;
  readonly mac: Buffer;
  readonly lastUsedAt: number;
}

/** A process that forgets must hash again, in a queue that a flood of wrong passwords keeps full. */
const KEEP_MS = 3_600_000;
/** App accounts are few; the bound is for the day when they are not. About 300 bytes each. */
const CAPACITY = 10_000;

/**
 * The right passwords of app accounts, kept in this process for an hour from their last use, so that a thousand phones
 * with one app credential cost one hash, and its public name lets nobody burn hashes. What is kept is an HMAC under a
 * key made at start, never the password. For app accounts alone: anybody else's wrong guess must cost a hash.
 */
export class RememberedPasswords {
  readonly #key = randomBytes(32);
  /** By userid, the one longest unused first. */
  readonly #entries = new Map<string, Remembered>();

  /** `now` gives milliseconds that never run backwards. */
  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly capacity = CAPACITY,
  ) {}

  /** How many accounts' passwords are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * What is known of `password` without hashing. `epoch` is the one read with this login; an entry of another epoch
   * is forgotten. A right password counts as use, a wrong one does not.
   */
  check(userid: string, epoch: string, password: string): RememberedAnswer {
    const entry = this.#entries.get(userid);
    if (entry === undefined) return 'unknown';
    if (entry.epoch !== epoch || this.now() - entry.lastUsedAt >= KEEP_MS) {
      this.#entries.delete(userid);
      return 'unknown';
    }
    const same = timingSafeEqual(this.#mac(userid, password), entry.mac);
    if (!same || !password.isWellFormed()) return 'wrong';
    this.#keep(userid, { ...entry, lastUsedAt: this.now() });
    return 'right';
  }

  /** Keeps a password that has just been verified; `epoch` is the one read together with the hash it was held to. */
  remember(userid: string, epoch: string, password: string): void {
    this.#keep(userid, { epoch, mac: this.#mac(userid, password), lastUsedAt: this.now() });
    if (this.#entries.size <= this.capacity) return;
    const [longestUnused] = this.#entries.keys();
    this.#entries.delete(longestUnused!);
  }

  #keep(userid: string, entry: Remembered): void {
    this.#entries.delete(userid);
    this.#entries.set(userid, entry);
  }

  /** A userid has no NUL, so the two parts cannot run into each other. */
  #mac(userid: string, password: string): Buffer {
    return createHmac('sha256', this.#key)
      .update(`${userid}\0${password.normalize('NFC')}`)
      .digest();
  }
}
