/**
 * Where secrets lie, each under a name. A phone has its Keychain or Keystore for it (`secureStore`), a program on Node
 * an encrypted file (`encryptedFileStore` of `postern-client/node`). A browser has no such place: there use cookie mode.
 */
export interface SecretStore {
  /** Null where there is none. */
  get(name: string): Promise<string | null>;
  set(name: string, secret: string): Promise<void>;
  /** Nothing happens where there is none. */
  remove(name: string): Promise<void>;
}

/** What `expo-secure-store` exports; another library's store is fitted to it in three lines. */
export interface NativeSecureStore {
  getItemAsync(key: string): Promise<string | null>;
  setItemAsync(key: string, value: string): Promise<void>;
  deleteItemAsync(key: string): Promise<void>;
}

/** Forgets all with the process. */
export function memoryStore(): SecretStore {
  const secrets = new Map<string, string>();
  return {
    get: async (name) => secrets.get(name) ?? null,
    set: async (name, secret) => void secrets.set(name, secret),
    remove: async (name) => void secrets.delete(name),
  };
}

/** A React Native app's: the platform encrypts what lies there. `prefix` keeps two services apart. */
export function secureStore(native: NativeSecureStore, prefix = 'postern'): SecretStore {
  const key = (name: string) => `${prefix}.${name}`;
  return {
    get: (name) => native.getItemAsync(key(name)),
    set: (name, secret) => native.setItemAsync(key(name), secret),
    remove: (name) => native.deleteItemAsync(key(name)),
  };
}
