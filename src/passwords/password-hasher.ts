import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { HashLane } from './hash-lanes.js';
import { HashPool, type HashWork } from './hash-pool.js';
import type { Pbkdf2Task } from './pbkdf2.worker.js';
import { MIN_ITERATIONS, formatPhc, isPepperId, parsePhc, type StoredHash, type StoredHashFault } from './phc.js';

export interface Verification {
  readonly ok: boolean;
  /** True only beside `ok`: the hash was made with other rounds, lengths or pepper than the current ones. */
  readonly rehash: boolean;
  /** The stored hash was not obeyed and nothing was hashed; logged, a wrong password to everybody outside. */
  readonly fault?: StoredHashFault;
}

/** NIST SP 800-63B-4 asks for at least 4 bytes. */
const SALT_BYTES = 16;
/** The length of SHA-512: more would cost us a second pass and an attacker nothing. */
const HASH_BYTES = 64;
/** A test may use few rounds, but a stored `i=1` is hostile there too. */
const MIN_ITERATIONS_IN_TESTS = 100;
/** Keys the pre-hash where there is no pepper. Public; changing it makes every such hash worthless. */
const PUBLIC_KEY = Buffer.from('postern password pre-hash v1');
const NO_PEPPER = '';

/** Runs as .ts from src (tests) and as .js from dist. */
const WORKER = new URL(`./pbkdf2.worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url).href;

/**
 * PBKDF2-HMAC-SHA-512 over a keyed pre-hash of the password, on a bounded pool of threads. The pre-hash makes length
 * cost nothing, takes the pepper in, and removes PBKDF2's own collisions ('a' and 'a\0', a long password and its
 * digest).
 */
@Injectable()
export class PasswordHasher implements OnModuleInit, OnApplicationShutdown {
  readonly #logger = new Logger(PasswordHasher.name);
  readonly #pool: HashPool<Pbkdf2Task, Uint8Array>;
  /** By pepper id; the public key under the empty one. */
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #pepperId: string;
  readonly #minIterations: number;

  constructor(private readonly config: Config) {
    const peppers = config.passwordPeppers;
    if (!peppers.every(({ id }) => isPepperId(id))) throw new Error('a pepper id has characters that cannot be stored');
    this.#keys = new Map([[NO_PEPPER, PUBLIC_KEY], ...peppers.map(({ id, key }) => [id, key] as const)]);
    this.#pepperId = peppers[0]?.id ?? NO_PEPPER;
    this.#minIterations =
      config.environment === 'test' ? Math.min(MIN_ITERATIONS_IN_TESTS, config.passwordIterations) : MIN_ITERATIONS;
    this.#pool = new HashPool({ filename: WORKER, concurrency: config.hashConcurrency, queue: config.hashQueue });
  }

  /** PBKDF2 runs that a thread has begun, and those that are done. */
  get calls(): { readonly started: number; readonly finished: number } {
    return this.#pool.calls;
  }

  /** How many hashes wait in that lane. */
  waiting(lane: HashLane): number {
    return this.#pool.waiting(lane);
  }

  /** Threads are up before the service listens; one that cannot hash ends the start. */
  async onModuleInit(): Promise<void> {
    await this.#pool.warmUp({ secret: new Uint8Array(1), salt: new Uint8Array(1), iterations: 1, length: 1 });
  }

  /** Comes after the last request has been answered. */
  async onApplicationShutdown(): Promise<void> {
    await this.#pool.close();
  }

  /**
   * The string to store for a password that `PasswordPolicy` has let pass: new salt, current rounds and pepper.
   * Throws TypeError for text that is not well-formed, and what `HashPool.run` throws.
   */
  async hash(password: string, work: HashWork): Promise<string> {
    if (!password.isWellFormed()) throw new TypeError('the password is not well-formed');
    const made = { pepperId: this.#pepperId, iterations: this.config.passwordIterations, salt: newSalt() };
    return formatPhc({ ...made, hash: await this.#derive(password, made, HASH_BYTES, work) });
  }

  /**
   * Whether `password` is the one that `stored` was made of. With null (no such account, no password) the same work
   * is done with the parameters configured now, and it is never ok. Throws what `HashPool.run` throws.
   */
  async verify(password: string, stored: string | null, work: HashWork): Promise<Verification> {
    const expected = stored === null ? this.#decoy() : this.#read(stored);
    if (typeof expected === 'string') {
      this.#logger.error(`a stored password hash is not obeyed: ${expected} (${work.account ?? 'no account key'})`);
      return { ok: false, rehash: false, fault: expected };
    }
    const hash = await this.#derive(password, expected, expected.hash.length, work);
    // Every lone surrogate is encoded as U+FFFD, so text that is not well-formed could match another's password.
    const ok = timingSafeEqual(hash, expected.hash) && stored !== null && password.isWellFormed();
    return { ok, rehash: ok && !this.#isCurrent(expected) };
  }

  #read(stored: string): StoredHash | StoredHashFault {
    const parsed = parsePhc(stored, this.#minIterations);
    return typeof parsed === 'string' || this.#keys.has(parsed.pepperId) ? parsed : 'unknown_pepper';
  }

  #decoy(): StoredHash {
    const { passwordIterations: iterations } = this.config;
    return { pepperId: this.#pepperId, iterations, salt: newSalt(), hash: new Uint8Array(HASH_BYTES) };
  }

  #isCurrent({ pepperId, iterations, salt, hash }: StoredHash): boolean {
    return (
      pepperId === this.#pepperId &&
      iterations === this.config.passwordIterations &&
      salt.length === SALT_BYTES &&
      hash.length === HASH_BYTES
    );
  }

  async #derive(
    password: string,
    { pepperId, iterations, salt }: Omit<StoredHash, 'hash'>,
    length: number,
    work: HashWork,
  ): Promise<Uint8Array> {
    // Only `#read` and the constructor let an id through that has a key.
    const digest = createHmac('sha512', this.#keys.get(pepperId)!).update(password.normalize('NFC')).digest();
    return this.#pool.run({ secret: new Uint8Array(digest), salt, iterations, length }, work);
  }
}

function newSalt(): Uint8Array {
  return new Uint8Array(randomBytes(SALT_BYTES));
}
