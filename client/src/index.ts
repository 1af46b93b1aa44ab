export type { components, paths } from './api.js';
export { createClient, type Answer, type Call, type CallOptions, type Client, type ClientOptions } from './client.js';
export { basicMode, cookieMode, type Mode } from './mode.js';
export {
  ConnectionError,
  isOutcomeUnknown,
  ProblemError,
  type FieldError,
  type ProblemCode,
  type ProblemDetails,
} from './problem-error.js';
export { memoryStore, secureStore, type NativeSecureStore, type SecretStore } from './secret-store.js';
export { TokenMode, tokenMode, type Session } from './token-mode.js';
