import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Config, type BootstrapAccount } from './config.js';
import { Wrong } from './parsers.js';
import { CAUTIONS, leansOnCertificates, RULES } from './rules.js';
import { isMonotonous, isPlaceholder } from './secret-parsers.js';
import { VARIABLES, type Known, type Name, type Values, type Variable } from './variables.js';

export { VARIABLES } from './variables.js';

/** The environment cannot be used. The problems name variables and never repeat a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  /** @param problems each `NAME: what is wrong`, at least one */
  constructor(readonly problems: string[]) {
    super(problems.join('\n'));
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadOptions {
  /** Gives the text of the file that a NAME_FILE names; throws where it cannot. */
  readonly readFile?: (path: string) => string;
  /** Cores that this process may use; by default what the system says. */
  readonly cores?: number;
}

interface Entry {
  /** Given or default; undefined: neither, or given and wrong. */
  readonly text: string | undefined;
  readonly value: unknown;
}

/** Reads `process.env`; the only function of the service that does. Throws `ConfigError`. */
export function loadConfigFromEnvironment(): Config {
  return loadConfig(process.env);
}

/**
 * Checks a whole environment and gives the configuration, with `warnings` for the log.
 * Throws one `ConfigError` that names every problem.
 */
export function loadConfig(env: Environment, options: LoadOptions = {}): Config {
  const reader = new EnvironmentReader(env, options);
  const values = reader.readAll();
  const judge = (rules: typeof RULES) =>
    rules
      .filter(({ about }) => !about.some((name) => reader.failed.has(name)))
      .map(({ check }) => check(values))
      .filter((problem) => problem !== false);
  const problems = [...reader.problems, ...judge(RULES)];
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0' && leansOnCertificates(values)) {
    problems.push('NODE_TLS_REJECT_UNAUTHORIZED: 0 turns off the check of certificates that production asks for');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return toConfig(values, judge(CAUTIONS));
}

/** Reads variable after variable, each once, and collects what is wrong with them one by one. */
class EnvironmentReader implements Known {
  readonly problems: string[] = [];
  readonly failed = new Set<Name>();
  private readonly entries = new Map<Name, Entry>();
  private readonly readFile: (path: string) => string;
  readonly cores: number;

  constructor(
    private readonly env: Environment,
    options: LoadOptions,
  ) {
    this.readFile = options.readFile ?? readTextFile;
    this.cores = options.cores ?? availableParallelism();
  }

  get production(): boolean {
    return this.read('NODE_ENV').value === 'production';
  }

  text(name: string): string | undefined {
    return this.read(name as Name).text;
  }

  number(name: string): number {
    return Number(this.text(name));
  }

  readAll(): Values {
    const names = Object.keys(VARIABLES) as Name[];
    return Object.fromEntries(names.map((name) => [name, this.read(name).value])) as Values;
  }

  private read(name: Name): Entry {
    const entry = this.entries.get(name) ?? this.readGiven(name) ?? this.readDefault(name);
    this.entries.set(name, entry);
    return entry;
  }

  /** Undefined where nothing usable is given. */
  private readGiven(name: Name): Entry | undefined {
    const variable: Variable = VARIABLES[name];
    try {
      const text = variable.secretParts ? this.secretText(name) : this.env[name];
      if (text === undefined) return undefined;
      if (text === '') throw new Wrong('is empty: give it a value or leave it out');
      if (/\p{Cc}/u.test(text)) throw new Wrong('must be one line without control characters');
      const value = variable.parse(text);
      if (variable.secretParts && this.production) refuseWeakSecret(name, variable.secretParts(text));
      return { text, value };
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      this.failed.add(name);
      this.problems.push(`${name}: ${error.message}`);
      return undefined;
    }
  }

  private readDefault(name: Name): Entry {
    const variable: Variable = VARIABLES[name];
    const text = typeof variable.default === 'function' ? variable.default(this) : variable.default;
    return { text, value: text === undefined ? undefined : variable.parse(text) };
  }

  /** The secret itself, or the content of the file that NAME_FILE names, without the line end that editors add. */
  private secretText(name: Name): string | undefined {
    const path = this.env[`${name}_FILE`];
    if (path === undefined) return this.env[name];
    if (this.env[name] !== undefined) throw new Wrong(`is given twice, here and by ${name}_FILE`);
    if (path === '') throw new Wrong(`${name}_FILE is empty: give it a value or leave it out`);
    try {
      return this.readFile(path).replace(/[\r\n]+$/, '');
    } catch (error) {
      // Not the path: somebody may have put the secret itself there.
      throw new Wrong(`the file of ${name}_FILE cannot be read (${errorCode(error)})`);
    }
  }
}

/** UTF-8 or nothing: raw random bytes would silently turn into replacement characters. */
function readTextFile(path: string): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
}

function errorCode(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'not UTF-8 text' : code || 'unknown error';
}

/** The password in a URL may be of few characters (the network guards it too); a key or token may not. */
function refuseWeakSecret(name: Name, parts: readonly string[]): void {
  const inUrl = name.endsWith('_URL');
  if (parts.some((part) => isPlaceholder(part) || (!inUrl && isMonotonous(part)))) {
    throw new Wrong('is a placeholder: production needs a secret of its own');
  }
}

function toConfig(values: Values, warnings: readonly string[]): Config {
  const config: Config = {
    environment: values.NODE_ENV,
    host: values.HOST,
    port: values.PORT,
    dataDir: values.DATA_DIR,
    databaseUrl: values.DATABASE_URL,
    redisUrl: values.REDIS_URL,
    redisMode: values.REDIS_MODE,
    redisSentinelName: values.REDIS_SENTINEL_NAME,
    sessionStore: values.SESSION_STORE,
    runMigrations: values.RUN_MIGRATIONS,
    webConcurrency: values.WEB_CONCURRENCY,
    sessionIdleSeconds: values.SESSION_IDLE_SECONDS,
    sessionAbsoluteSeconds: values.SESSION_ABSOLUTE_SECONDS,
    sessionTokenIdleSeconds: values.SESSION_TOKEN_IDLE_SECONDS,
    sessionTokenAbsoluteSeconds: values.SESSION_TOKEN_ABSOLUTE_SECONDS,
    sessionsPerUser: values.SESSIONS_PER_USER,
    sessionCache: values.SESSION_CACHE,
    reauthSeconds: values.REAUTH_SECONDS,
    truthLeaseMs: values.TRUTH_LEASE_MS,
    webSignup: values.WEB_SIGNUP,
    webUi: values.WEB_UI,
    basicAuth: values.BASIC_AUTH,
    webOrigins: values.WEB_ORIGINS ?? [],
    trustProxy: values.TRUST_PROXY ?? [],
    secretKey: values.SECRET_KEY,
    passwordMinLength: values.PASSWORD_MIN_LENGTH,
    passwordIterations: values.PASSWORD_ITERATIONS,
    passwordPeppers: values.PASSWORD_PEPPER ?? [],
    passwordContextWords: values.PASSWORD_CONTEXT_WORDS ?? [],
    hashConcurrency: values.HASH_CONCURRENCY,
    hashQueue: values.HASH_QUEUE,
    signupAppPerMinute: values.SIGNUP_APP_PER_MINUTE,
    signupPerSourcePerDay: values.SIGNUP_PER_SOURCE_PER_DAY,
    webSignupPerSourcePerHour: values.WEB_SIGNUP_PER_SOURCE_PER_HOUR,
    auditRetentionDays: values.AUDIT_RETENTION_DAYS,
    allowPlaintext: values.ALLOW_PLAINTEXT,
    drainSeconds: values.DRAIN_SECONDS,
    swaggerUi: values.SWAGGER_UI,
    metricsPort: values.METRICS_PORT,
    logLevel: values.LOG_LEVEL,
    bootstrapAdmin: account(values, 'BOOTSTRAP_ADMIN'),
    bootstrapApp: account(values, 'BOOTSTRAP_APP'),
    warnings,
  };
  return Object.freeze(Object.assign(new Config(), config));
}

function account(values: Values, prefix: 'BOOTSTRAP_ADMIN' | 'BOOTSTRAP_APP'): BootstrapAccount | undefined {
  const username = values[`${prefix}_USERNAME`];
  const password = values[`${prefix}_PASSWORD`];
  const apitoken = values[`${prefix}_APITOKEN`];
  if (username === undefined && password === undefined && apitoken === undefined) return undefined;
  return { username, password, apitoken };
}
