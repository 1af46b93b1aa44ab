export { encryptedFileStore, type EncryptedFileOptions } from './encrypted-file-store.js';
