import { cidr, databaseUrl, listenHost, origin, passwordsIn, redisUrl } from './address-parsers.js';
import { flag, integer, list, matching, oneOf, text, type Parser } from './parsers.js';
import { apitoken, longKey, password, peppers, username } from './secret-parsers.js';

/** What a default may depend on. */
export interface Known {
  readonly production: boolean;
  /** Cores that this process may use. */
  readonly cores: number;
  /** The text of another variable, given or default. */
  text(name: string): string | undefined;
  number(name: string): number;
}

/** One variable of the environment. */
export interface Variable<T = unknown> {
  readonly parse: Parser<T>;
  /** What counts where nothing is given, written as a person would write it; none: the value is undefined. */
  readonly default?: string | ((known: Known) => string | undefined);
  /**
   * Present on secrets, which may come from the file that NAME_FILE names and are no placeholder in production:
   * gives the parts of the text that must be hard to guess.
   */
  readonly secretParts?: (text: string) => string[];
}

const DAY = 86_400;
/** NIST SP 800-63B: a session ends after 30 days at the latest. */
const seconds = integer(1, 30 * DAY);
/** No source asks for a bound here: a million keeps a slip of the keyboard out. */
const limit = integer(1, 1_000_000);
/** Node's own bound; 0 takes a free port and is for tests. */
const port = integer(0, 65_535);
const url = (urlText: string) => passwordsIn(urlText);
const whole = (secret: string) => [secret];
const open = (known: Known) => (known.production ? 'closed' : 'open');
const developmentOnly = (known: Known) => String(!known.production);

/** Every variable that the service reads, in the order of the contract (section 6). */
export const VARIABLES = {
  HOST: { parse: listenHost, default: '127.0.0.1' },
  PORT: { parse: port, default: '3000' },
  NODE_ENV: { parse: oneOf('development', 'production', 'test'), default: 'development' },
  DATA_DIR: { parse: text(1, 4096), default: '.data' },

  DATABASE_URL: { parse: databaseUrl, secretParts: url },
  REDIS_URL: { parse: redisUrl, secretParts: url },
  REDIS_MODE: { parse: oneOf('single', 'sentinel', 'cluster'), default: 'single' },
  REDIS_SENTINEL_NAME: {
    parse: matching(/^[A-Za-z0-9._-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 . _ -'),
    default: 'mymaster',
  },
  SESSION_STORE: {
    parse: oneOf('redis', 'postgres'),
    // In production the smaller store must be asked for by name, or a forgotten REDIS_URL would go unseen.
    default: (known) => (known.production || known.text('REDIS_URL') !== undefined ? 'redis' : 'postgres'),
  },
  RUN_MIGRATIONS: { parse: flag, default: 'true' },
  /** Far more than any machine has use for: each process brings a pool of connections and of threads. */
  WEB_CONCURRENCY: { parse: integer(1, 256), default: '1' },

  // An idle time beyond the absolute one has no effect, so a default never is.
  SESSION_IDLE_SECONDS: {
    parse: seconds,
    default: (known) => String(Math.min(3600, known.number('SESSION_ABSOLUTE_SECONDS'))),
  },
  SESSION_ABSOLUTE_SECONDS: { parse: seconds, default: String(DAY) },
  SESSION_TOKEN_IDLE_SECONDS: {
    parse: seconds,
    default: (known) =>
      String(Math.min(known.number('SESSION_IDLE_SECONDS'), known.number('SESSION_TOKEN_ABSOLUTE_SECONDS'))),
  },
  SESSION_TOKEN_ABSOLUTE_SECONDS: {
    parse: seconds,
    default: (known) => String(known.number('SESSION_ABSOLUTE_SECONDS')),
  },
  /** Every login looks at all of a user's sessions in one script, so their number stays small. */
  SESSIONS_PER_USER: { parse: integer(1, 10_000), default: '20' },

  WEB_SIGNUP: { parse: oneOf('open', 'closed'), default: open },
  WEB_UI: { parse: flag, default: 'true' },
  BASIC_AUTH: { parse: flag, default: 'false' },
  WEB_ORIGINS: {
    parse: list(origin),
    default: (known) => (known.production ? undefined : localOrigins(known.number('PORT'))),
  },
  TRUST_PROXY: { parse: list(cidr) },

  /** Contract: 8 to 64. NIST SP 800-63B asks for 15 where a password stands alone, 8 elsewhere. */
  PASSWORD_MIN_LENGTH: { parse: integer(8, 64), default: '15' },
  /** OWASP asks for 210,000 (a rule apart); 2,000,000 take 1.5 s of a core, and nothing may wait over 3 s. */
  PASSWORD_ITERATIONS: { parse: integer(1, 2_000_000), default: '220000' },
  PASSWORD_PEPPER: {
    parse: peppers,
    secretParts: (pepperText) => peppers(pepperText).map(({ key }) => key.toString('latin1')),
  },
  HASH_CONCURRENCY: {
    parse: integer(1, 1024),
    default: (known) => String(Math.min(1024, Math.max(1, Math.floor(known.cores / known.number('WEB_CONCURRENCY'))))),
  },
  /** What waits over 3 s is refused anyway, so a longer queue only costs memory. */
  HASH_QUEUE: { parse: integer(1, 10_000), default: (known) => String(8 * known.number('HASH_CONCURRENCY')) },

  SIGNUP_APP_PER_MINUTE: { parse: limit, default: '600' },
  SIGNUP_PER_SOURCE_PER_DAY: { parse: limit, default: '100' },
  WEB_SIGNUP_PER_SOURCE_PER_HOUR: { parse: limit, default: '5' },
  /** A hundred years stands for ever. */
  AUDIT_RETENTION_DAYS: { parse: integer(1, 36_500), default: '365' },
  PASSWORD_CONTEXT_WORDS: { parse: list(text(2, 64)) },
  ALLOW_PLAINTEXT: { parse: flag, default: 'false' },

  BOOTSTRAP_ADMIN_USERNAME: { parse: username },
  BOOTSTRAP_ADMIN_PASSWORD: { parse: password, secretParts: whole },
  BOOTSTRAP_ADMIN_APITOKEN: { parse: apitoken, secretParts: tokenSecret },
  BOOTSTRAP_APP_USERNAME: { parse: username },
  BOOTSTRAP_APP_PASSWORD: { parse: password, secretParts: whole },
  BOOTSTRAP_APP_APITOKEN: { parse: apitoken, secretParts: tokenSecret },
  SECRET_KEY: { parse: longKey, secretParts: whole },

  /** Contract: 500 to 10000. */
  TRUTH_LEASE_MS: { parse: integer(500, 10_000), default: '2000' },
  /** At most a day: beyond it "fresh" would say no more than "logged in". */
  REAUTH_SECONDS: { parse: integer(1, DAY), default: '300' },
  SESSION_CACHE: { parse: oneOf('strict', 'tracked'), default: 'strict' },
  /** Ten minutes: no supervisor waits longer before it kills. */
  DRAIN_SECONDS: { parse: integer(0, 600), default: (known) => (known.production ? '5' : '0') },

  SWAGGER_UI: { parse: flag, default: developmentOnly },
  METRICS_PORT: { parse: integer(1, 65_535) },
  /** pino's levels. */
  LOG_LEVEL: { parse: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'), default: 'info' },
} as const satisfies Record<string, Variable>;

export type Name = keyof typeof VARIABLES;

/** The value of every variable; one that has no default in every environment may be undefined. */
export type Values = {
  readonly [K in Name]: (typeof VARIABLES)[K] extends { parse: Parser<infer T>; default: infer D }
    ? D extends string | ((known: Known) => string)
      ? T
      : T | undefined
    : (typeof VARIABLES)[K] extends { parse: Parser<infer T> }
      ? T | undefined
      : never;
};

function localOrigins(number: number): string {
  return ['localhost', '127.0.0.1'].map((host) => new URL(`http://${host}:${number}`).origin).join(',');
}

/** The last 43 characters of a token: what comes before them is public. */
function tokenSecret(token: string): string[] {
  return [token.slice(-43)];
}
