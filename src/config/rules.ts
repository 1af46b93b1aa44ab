import { parseToken } from '../common/secret-token.js';
import { PasswordPolicy } from '../passwords/password-policy.js';
import {
  databaseHost,
  isOnThisMachine,
  isSafeDatabaseUrl,
  isSafeOrigin,
  isSafeRedisUrl,
  isThisMachine,
  redisNodes,
} from './address-parsers.js';
import { Config } from './config.js';
import type { Name, Values } from './variables.js';

/** What variables must be to one another. Skipped where one that it is about is wrong already. */
interface Rule {
  readonly about: readonly Name[];
  /** `NAME: what is wrong`, or false. */
  readonly check: (values: Values) => string | false;
}

function rule(about: readonly Name[], check: Rule['check']): Rule {
  return { about, check };
}

const inProduction = (values: Values) => values.NODE_ENV === 'production';

function notAbove(smaller: Name & `${string}SECONDS`, larger: Name & `${string}SECONDS`): Rule {
  return rule([smaller, larger], (values) => {
    return values[smaller] > values[larger] && `${smaller}: must be at most ${larger}`;
  });
}

function completeGroup(prefix: 'BOOTSTRAP_ADMIN' | 'BOOTSTRAP_APP'): Rule {
  const names = [`${prefix}_USERNAME`, `${prefix}_PASSWORD`, `${prefix}_APITOKEN`] as const;
  return rule(['NODE_ENV', ...names], (values) => {
    const missing = names.filter((name) => values[name] === undefined);
    const given = names.filter((name) => !missing.includes(name));
    if (!inProduction(values) || missing.length === 0 || given.length === 0) return false;
    return `${missing.join(', ')}: missing beside ${given.join(', ')}; in production they come together or not at all`;
  });
}

/** The password is held to the rules of every password. Its username counts where it is one. */
function strongEnough(prefix: 'BOOTSTRAP_ADMIN' | 'BOOTSTRAP_APP'): Rule {
  const name = `${prefix}_PASSWORD` as const;
  return rule([name, 'PASSWORD_MIN_LENGTH', 'PASSWORD_CONTEXT_WORDS'], (values) => {
    const { PASSWORD_MIN_LENGTH: passwordMinLength, PASSWORD_CONTEXT_WORDS: passwordContextWords = [] } = values;
    if (values[name] === undefined) return false;
    const policy = new PasswordPolicy(Object.assign(new Config(), { passwordMinLength, passwordContextWords }));
    const [refused] = policy.check(values[name], values[`${prefix}_USERNAME`] ?? '', name);
    return refused !== undefined && `${name}: ${refused.message}`;
  });
}

/** `idOf`: what of a value may be there once. */
function different(kind: 'USERNAME' | 'APITOKEN', idOf: (text: string) => string | undefined): Rule {
  const [admin, app] = [`BOOTSTRAP_ADMIN_${kind}`, `BOOTSTRAP_APP_${kind}`] as const;
  return rule([admin, app], (values) => {
    const [one, other] = [values[admin], values[app]];
    if (one === undefined || other === undefined) return false;
    return idOf(one) === idOf(other) && `${app}: must differ from ${admin}`;
  });
}

/** Production asks for encryption unless ALLOW_PLAINTEXT says otherwise. */
const mustEncrypt = (values: Values) => inProduction(values) && !values.ALLOW_PLAINTEXT;
const databaseInClear = ({ DATABASE_URL }: Values) => DATABASE_URL !== undefined && !isSafeDatabaseUrl(DATABASE_URL);
const redisInClear = ({ REDIS_URL }: Values) => REDIS_URL !== undefined && !isSafeRedisUrl(REDIS_URL);

export const RULES: readonly Rule[] = [
  rule(['NODE_ENV', 'PORT'], (values) => inProduction(values) && values.PORT === 0 && 'PORT: 0 is for tests'),
  rule(['PORT', 'METRICS_PORT'], (values) => values.METRICS_PORT === values.PORT && 'METRICS_PORT: is PORT already'),

  rule(['NODE_ENV', 'DATABASE_URL'], (values) => {
    return inProduction(values) && values.DATABASE_URL === undefined && 'DATABASE_URL: required in production';
  }),
  rule(['NODE_ENV', 'WEB_ORIGINS'], (values) => {
    return inProduction(values) && values.WEB_ORIGINS === undefined && 'WEB_ORIGINS: required in production';
  }),
  rule(['NODE_ENV', 'SESSION_STORE', 'REDIS_URL'], (values) => {
    if (values.SESSION_STORE !== 'redis' || values.REDIS_URL !== undefined) return false;
    return 'REDIS_URL: required by the Redis store; SESSION_STORE=postgres does without';
  }),
  rule(['REDIS_MODE', 'REDIS_URL'], ({ REDIS_MODE, REDIS_URL = '' }) => {
    return REDIS_MODE === 'single' && redisNodes(REDIS_URL).length > 1 && 'REDIS_URL: REDIS_MODE=single takes one host';
  }),
  rule(['REDIS_MODE', 'REDIS_URL'], ({ REDIS_MODE, REDIS_URL = '' }) => {
    const wrong = REDIS_MODE === 'cluster' && /\/0*[1-9]\d*$/.test(REDIS_URL);
    return wrong && 'REDIS_URL: a Cluster has no database but 0';
  }),

  rule(['SESSION_CACHE', 'SESSION_STORE', 'REDIS_URL'], (values) => {
    const wrong = values.SESSION_CACHE === 'tracked' && values.SESSION_STORE !== 'redis';
    return wrong && 'SESSION_CACHE: tracked needs the Redis store (REDIS_URL)';
  }),
  rule(['BASIC_AUTH', 'SESSION_STORE', 'REDIS_URL'], (values) => {
    return values.BASIC_AUTH && values.SESSION_STORE !== 'redis' && 'BASIC_AUTH: needs the Redis store (REDIS_URL)';
  }),
  rule(['BASIC_AUTH', 'SECRET_KEY'], (values) => {
    return values.BASIC_AUTH && values.SECRET_KEY === undefined && 'SECRET_KEY: required by BASIC_AUTH=true';
  }),
  notAbove('SESSION_IDLE_SECONDS', 'SESSION_ABSOLUTE_SECONDS'),
  notAbove('SESSION_TOKEN_IDLE_SECONDS', 'SESSION_TOKEN_ABSOLUTE_SECONDS'),

  rule(['NODE_ENV', 'WEB_ORIGINS'], (values) => {
    const wrong = inProduction(values) && values.WEB_ORIGINS?.findIndex((origin) => !isSafeOrigin(origin));
    if (wrong === false || wrong === undefined || wrong < 0) return false;
    return `WEB_ORIGINS: entry ${wrong + 1} must be https; in production http is for localhost and 127.0.0.1 only`;
  }),
  rule(['NODE_ENV', 'PASSWORD_ITERATIONS'], ({ NODE_ENV, PASSWORD_ITERATIONS }) => {
    const few = NODE_ENV !== 'test' && PASSWORD_ITERATIONS < 210_000;
    return few && 'PASSWORD_ITERATIONS: must be at least 210000 unless NODE_ENV=test';
  }),

  rule(['NODE_ENV', 'ALLOW_PLAINTEXT', 'DATABASE_URL'], (values) => {
    if (!mustEncrypt(values) || !databaseInClear(values)) return false;
    return 'DATABASE_URL: a database on another host needs sslmode=verify-full (or ALLOW_PLAINTEXT=true)';
  }),
  rule(['NODE_ENV', 'ALLOW_PLAINTEXT', 'REDIS_URL'], (values) => {
    if (!mustEncrypt(values) || !redisInClear(values)) return false;
    return 'REDIS_URL: a Redis on another host needs rediss:// (or ALLOW_PLAINTEXT=true)';
  }),

  completeGroup('BOOTSTRAP_ADMIN'),
  completeGroup('BOOTSTRAP_APP'),
  strongEnough('BOOTSTRAP_ADMIN'),
  strongEnough('BOOTSTRAP_APP'),
  different('USERNAME', (username) => username),
  different('APITOKEN', (apitoken) => parseToken('apt', apitoken)?.id),
];

/** What is allowed and should still be known; the same form as the problems. */
export const CAUTIONS: readonly Rule[] = [
  rule(['PASSWORD_MIN_LENGTH'], ({ PASSWORD_MIN_LENGTH }) => {
    return PASSWORD_MIN_LENGTH < 15 && 'PASSWORD_MIN_LENGTH: below 15, and web login takes the password alone';
  }),
  rule(['NODE_ENV', 'ALLOW_PLAINTEXT', 'DATABASE_URL', 'REDIS_URL'], (values) => {
    if (!inProduction(values) || !(databaseInClear(values) || redisInClear(values))) return false;
    return values.ALLOW_PLAINTEXT && 'ALLOW_PLAINTEXT: the database or Redis is reached without checked encryption';
  }),
];

/** True where production relies on the certificates of another host being checked. */
export function leansOnCertificates(values: Values): boolean {
  const { DATABASE_URL, REDIS_URL } = values;
  const databaseAway = DATABASE_URL !== undefined && !isThisMachine(databaseHost(DATABASE_URL));
  const redisAway = REDIS_URL !== undefined && !redisNodes(REDIS_URL).every(isOnThisMachine);
  return mustEncrypt(values) && (databaseAway || redisAway);
}
