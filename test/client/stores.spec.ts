import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore, secureStore, type SecretStore } from 'postern-client';
import { encryptedFileStore } from 'postern-client/node';

const SECRET = 'act_0123456789_geheim – ключ';
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-store-'));
  path = join(folder, 'secrets');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What Expo's module exports, as far as the adapter asks for it; it takes such keys alone. */
function expoLike() {
  const items = new Map<string, string>();
  const checked = (key: string) => {
    if (!/^[\w.-]+$/.test(key)) throw new Error(`no key: ${key}`);
    return key;
  };
  return {
    items,
    getItemAsync: async (key: string) => items.get(checked(key)) ?? null,
    setItemAsync: async (key: string, value: string) => void items.set(checked(key), value),
    deleteItemAsync: async (key: string) => void items.delete(checked(key)),
  };
}

const STORES: readonly [string, () => SecretStore][] = [
  ['memory', memoryStore],
  ['a phone’s secure store', () => secureStore(expoLike())],
  ['an encrypted file, by key', () => encryptedFileStore({ path, key: randomBytes(32) })],
  ['an encrypted file, by passphrase', () => encryptedFileStore({ path, passphrase: 'three otters in a boat' })],
];

describe.each(STORES)('%s', (_name, make) => {
  it('keeps secrets apart by name, replaces and removes them', async () => {
    const store = make();
    expect(await store.get('session')).toBeNull();
    await store.set('session', 'first');
    await store.set('apitoken', SECRET);
    await store.set('session', 'second');
    expect([await store.get('session'), await store.get('apitoken')]).toEqual(['second', SECRET]);
    await store.remove('session');
    await store.remove('session');
    expect([await store.get('session'), await store.get('apitoken')]).toEqual([null, SECRET]);
  });

  it('loses none of several changes at once', async () => {
    const store = make();
    const names = Array.from({ length: 8 }, (_, index) => `name-${index}`);
    await Promise.all(names.map((name) => store.set(name, `of ${name}`)));
    expect(await Promise.all(names.map((name) => store.get(name)))).toEqual(names.map((name) => `of ${name}`));
  });
});

it('a phone’s secure store has two services under two prefixes', async () => {
  const native = expoLike();
  await secureStore(native).set('session', 'one');
  await secureStore(native, 'other').set('session', 'two');
  expect([...native.items.keys()]).toEqual(['postern.session', 'other.session']);
});

describe('an encrypted file', () => {
  it('has nothing in clear, is its owner’s alone, and stands without leftovers beside it', async () => {
    await encryptedFileStore({ path, key: randomBytes(32) }).set('apitoken', SECRET);
    expect(readFileSync(path, 'utf8')).not.toMatch(/act_|apitoken|geheim/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['secrets']);
  });

  it('is its owner’s alone again after a change, whatever it was', async () => {
    const store = encryptedFileStore({ path, key: randomBytes(32) });
    await store.set('a', '1');
    chmodSync(path, 0o644);
    await store.set('a', '2');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is opened by the same key or passphrase in another process', async () => {
    const passphrase = 'three otters in a boat';
    await encryptedFileStore({ path, passphrase }).set('session', SECRET);
    expect(await encryptedFileStore({ path, passphrase }).get('session')).toBe(SECRET);
  });

  it('is sealed under another nonce each time', async () => {
    const store = encryptedFileStore({ path, key: randomBytes(32) });
    const nonces = new Set<string>();
    for (let times = 0; times < 5; times += 1) {
      await store.set('a', 'the same');
      nonces.add(JSON.parse(readFileSync(path, 'utf8')).iv);
    }
    expect(nonces.size).toBe(5);
  });

  it('is neither opened nor written over by another key, nor after it was changed', async () => {
    const key = randomBytes(32);
    await encryptedFileStore({ path, key }).set('session', SECRET);
    const before = readFileSync(path, 'utf8');
    const other = encryptedFileStore({ path, key: randomBytes(32) });
    await expect(other.get('session')).rejects.toThrow('cannot be opened');
    await expect(other.set('session', 'x')).rejects.toThrow('cannot be opened');
    await expect(encryptedFileStore({ path, passphrase: 'x' }).get('session')).rejects.toThrow('cannot be opened');
    expect(readFileSync(path, 'utf8')).toBe(before);
    const sealed = JSON.parse(before) as { data: string };
    const data = Buffer.from(sealed.data, 'base64');
    data[0]! ^= 1;
    writeFileSync(path, JSON.stringify({ ...sealed, data: data.toString('base64') }));
    await expect(encryptedFileStore({ path, key }).get('session')).rejects.toThrow('cannot be opened');
  });

  it('takes no key of another length and no empty passphrase', () => {
    expect(() => encryptedFileStore({ path, key: randomBytes(16) })).toThrow(RangeError);
    expect(() => encryptedFileStore({ path, passphrase: '' })).toThrow(RangeError);
  });
});
