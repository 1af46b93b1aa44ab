// Runs in a worker thread, from dist as .js and from src as .ts (Node strips the types): erasable syntax only.
import { pbkdf2Sync } from 'node:crypto';

/** `secret` is the pre-hash of the password, never the password; `length` in bytes. */
export interface Pbkdf2Task {
  readonly secret: Uint8Array;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly length: number;
}

/**
 * PBKDF2-HMAC-SHA-512 on this very thread. The asynchronous form would move the work to libuv's shared pool, whose
 * threads have the priority of the event loop and also serve DNS and files.
 */
export default function pbkdf2({ secret, salt, iterations, length }: Pbkdf2Task): Uint8Array {
  return pbkdf2Sync(secret, salt, iterations, length, 'sha512');
}
