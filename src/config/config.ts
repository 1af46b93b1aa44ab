import type { LevelWithSilent } from 'pino';
import type { Pepper } from './secret-parsers.js';

/**
 * Everything the service can be told, parsed and checked (contract). Made once by `loadConfig` in
 * `env.ts`, injected by this class; nothing else reads `process.env`. Times are in the unit of the name.
 */
export class Config {
  readonly environment!: 'development' | 'production' | 'test';
  readonly host!: string;
  readonly port!: number;
  readonly dataDir!: string;

  /** Undefined: the embedded Postgres in `dataDir`. */
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  readonly redisMode!: 'single' | 'sentinel' | 'cluster';
  readonly redisSentinelName!: string;
  readonly sessionStore!: 'redis' | 'postgres';
  readonly runMigrations!: boolean;
  readonly webConcurrency!: number;

  readonly sessionIdleSeconds!: number;
  readonly sessionAbsoluteSeconds!: number;
  readonly sessionTokenIdleSeconds!: number;
  readonly sessionTokenAbsoluteSeconds!: number;
  readonly sessionsPerUser!: number;
  readonly sessionCache!: 'strict' | 'tracked';
  readonly reauthSeconds!: number;
  readonly truthLeaseMs!: number;

  readonly webSignup!: 'open' | 'closed';
  readonly webUi!: boolean;
  readonly basicAuth!: boolean;
  readonly webOrigins!: readonly string[];
  /** CIDRs of the proxies whose forwarded headers are believed; empty: none. */
  readonly trustProxy!: readonly string[];
  readonly secretKey?: string;

  readonly passwordMinLength!: number;
  readonly passwordIterations!: number;
  /** The first one hashes, every one verifies; empty: no pepper. Keys are 32 bytes. */
  readonly passwordPeppers!: readonly Pepper[];
  readonly passwordContextWords!: readonly string[];
  readonly hashConcurrency!: number;
  readonly hashQueue!: number;

  readonly signupAppPerMinute!: number;
  readonly signupPerSourcePerDay!: number;
  readonly webSignupPerSourcePerHour!: number;

  readonly auditRetentionDays!: number;
  readonly allowPlaintext!: boolean;
  readonly drainSeconds!: number;
  readonly swaggerUi!: boolean;
  readonly metricsPort?: number;
  readonly logLevel!: LevelWithSilent;

  /** Who is made on the first start where no such account exists; undefined: not given. */
  readonly bootstrapAdmin?: BootstrapAccount;
  readonly bootstrapApp?: BootstrapAccount;

  /** What is allowed and should still be known: for the log, once, at start. No secret in it. */
  readonly warnings!: readonly string[];
}

/** Given in whole or in part; what is missing is made at random in development. */
export interface BootstrapAccount {
  readonly username?: string;
  readonly password?: string;
  readonly apitoken?: string;
}
