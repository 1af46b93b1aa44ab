import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import type { SecretStore } from './secret-store.js';

/** `key`: 32 random bytes that the caller keeps elsewhere. `passphrase`: what a person types; the key is made of it. */
export type EncryptedFileOptions = { readonly path: string } & (
  | { readonly key: Uint8Array; readonly passphrase?: undefined }
  | { readonly passphrase: string; readonly key?: undefined }
);

interface Sealed {
  readonly version: 1;
  /** Of scrypt; made with the file, and kept. Absent where the caller has the key. */
  readonly salt?: string;
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

type Secrets = Record<string, string>;

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
/** What is sealed here is no answer to anything that another program sealed with the same key. */
const PURPOSE = Buffer.from('postern-client secret store, version 1');
/** 128 MiB and about 0.4 s: OWASP's first choice for scrypt (Password Storage Cheat Sheet, 2026). */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };

/**
 * Secrets in one file (mode 0600), sealed as a whole with AES-256-GCM under a new nonce at each change. A change is
 * written beside the file and takes its place at once, so that a crash leaves the old or the new one. For one process
 * at a time. Rejects where the file cannot be opened with this key or was tampered with; it is then left as it is.
 */
export function encryptedFileStore(options: EncryptedFileOptions): SecretStore {
  const file = new EncryptedFile(options.path, keyMaker(options));
  return {
    get: async (name) => (await file.read())[name] ?? null,
    set: (name, secret) => file.change((secrets) => ({ ...secrets, [name]: secret })),
    remove: (name) => file.change(({ [name]: _removed, ...others }) => others),
  };
}

interface KeyMaker {
  readonly needsSalt: boolean;
  keyFor(salt: Buffer | undefined): Promise<Uint8Array>;
}

class EncryptedFile {
  #changes: Promise<unknown> = Promise.resolve();
  #salt: Buffer | undefined;

  constructor(
    private readonly path: string,
    private readonly keys: KeyMaker,
  ) {}

  async read(): Promise<Secrets> {
    const text = await readFile(this.path, 'utf8').catch(nullIfMissing);
    if (text === null) return {};
    const { version, salt, iv, tag, data } = JSON.parse(text) as Sealed;
    if (version !== 1) throw new Error(`${this.path} is of an unknown version`);
    this.#salt = salt === undefined ? undefined : Buffer.from(salt, 'base64');
    const cipher = createDecipheriv(ALGORITHM, await this.keys.keyFor(this.#salt), Buffer.from(iv, 'base64'), {
      authTagLength: 16,
    });
    cipher.setAAD(PURPOSE).setAuthTag(Buffer.from(tag, 'base64'));
    try {
      const clear = Buffer.concat([cipher.update(data, 'base64'), cipher.final()]);
      return JSON.parse(clear.toString()) as Secrets;
    } catch (cause) {
      throw new Error(`${this.path} cannot be opened: another key, or it was changed`, { cause });
    }
  }

  /** One after the other, or the second would write without what the first has written. */
  change(edit: (secrets: Secrets) => Secrets): Promise<void> {
    const changed = this.#changes.then(async () => this.#write(edit(await this.read())));
    this.#changes = changed.catch(() => undefined);
    return changed;
  }

  async #write(secrets: Secrets): Promise<void> {
    if (this.keys.needsSalt) this.#salt ??= randomBytes(16);
    const iv = randomBytes(12);
    const cipher = createCipheriv(ALGORITHM, await this.keys.keyFor(this.#salt), iv).setAAD(PURPOSE);
    const data = Buffer.concat([cipher.update(JSON.stringify(secrets)), cipher.final()]);
    const sealed: Sealed = {
      version: 1,
      salt: this.#salt?.toString('base64'),
      iv: iv.toString('base64'),
      tag: cipher.getAuthTag().toString('base64'),
      data: data.toString('base64'),
    };
    await replace(this.path, `${JSON.stringify(sealed)}\n`);
  }
}

function keyMaker({ key, passphrase }: EncryptedFileOptions): KeyMaker {
  if (key !== undefined) {
    if (key.length !== KEY_BYTES) throw new RangeError(`The key must have ${KEY_BYTES} bytes`);
    return { needsSalt: false, keyFor: async () => key };
  }
  if (passphrase === '') throw new RangeError('The passphrase is empty');
  let known: { readonly salt: Buffer; readonly key: Promise<Buffer> } | undefined;
  const keyFor = async (salt = Buffer.alloc(0)) => {
    if (known === undefined || !known.salt.equals(salt)) known = { salt, key: derive(passphrase, salt) };
    return known.key;
  };
  return { needsSalt: true, keyFor };
}

function derive(passphrase: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), salt, KEY_BYTES, SCRYPT, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

async function replace(path: string, text: string): Promise<void> {
  const fresh = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(fresh, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
