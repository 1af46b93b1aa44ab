export type { components, paths } from './api.js';
export { AppCredentialError, keepAppCredential, type AppCredential } from './app-credential.js';
export { createClient, type Answer, type Call, type CallOptions, type Client, type ClientOptions } from './client.js';
export { login, logout, type LoginDetails } from './login.js';
export { basicMode, cookieMode, type Mode } from './mode.js';
export {
  ConnectionError,
  hasCode,
  isOutcomeUnknown,
  ProblemError,
  type FieldError,
  type ProblemCode,
  type ProblemDetails,
} from './problem-error.js';
export { memoryStore, secureStore, type NativeSecureStore, type SecretStore } from './secret-store.js';
export { fetchApitoken, signUp, type NewUser, type OwnApitoken } from './sign-up.js';
export { TokenMode, tokenMode, type Session } from './token-mode.js';
export type { TransportOptions } from './transport.js';
