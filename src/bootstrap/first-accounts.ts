import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { DataSource, EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { formatToken, makeToken, parseToken } from '../common/secret-token.js';
import type { BootstrapAccount, Config } from '../config/config.js';
import type { Queryable } from '../database/queryable.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { PasswordPolicy } from '../passwords/password-policy.js';
import { foldUsername } from '../common/username.js';
import { readCredentials, writeCredentials, type Credentials } from './credentials-file.js';
import { insertAccount, type NewAccount } from './insert-account.js';
import { StartupError } from './startup-error.js';

/** Any number of our own: two processes that start at once make the accounts once. */
const FIRST_ACCOUNTS_LOCK = 7_305_117;

/** Without the signs that are taken for one another. 25 of them are 123 bits. */
const PASSWORD_SIGNS = 'abcdefghjkmnpqrstuvwxyz23456789';

const PREFIXES = { admin: 'BOOTSTRAP_ADMIN', app: 'BOOTSTRAP_APP' } as const;
type Kind = NewAccount['role'];

/** Where development keeps what it made up. */
export function credentialsPath({ dataDir }: Pick<Config, 'dataDir'>): string {
  return join(dataDir, 'credentials.env');
}

/**
 * Makes the first admin and the first app account where there is none (contract): in production of what the
 * configuration gives, elsewhere with random secrets for what it does not, which are on disk before the accounts are
 * in the database. Gives what was made. A name that somebody has, or has had, is left alone; `warn` says so.
 * @throws StartupError where a given or kept value cannot be used.
 */
export async function ensureFirstAccounts(
  dataSource: DataSource,
  config: Config,
  warn: (message: string) => void,
): Promise<NewAccount[]> {
  if ((await missingKinds(dataSource, config)).length === 0) return [];
  return dataSource.transaction(async (tx) => {
    // Another process may hash at this moment: it is waited for. So may this one, for long on a busy machine.
    await tx.query(`SELECT set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true),
      set_config('idle_in_transaction_session_timeout', '0', true)`);
    await tx.query('SELECT pg_advisory_xact_lock($1)', [FIRST_ACCOUNTS_LOCK]);
    const accounts = await availableOf(tx, await wantedAccounts(tx, config), warn);
    if (accounts.length === 0) return [];
    const policy = new PasswordPolicy(config);
    for (const account of accounts) check(account, policy);
    if (accounts[0]!.username === accounts[1]?.username) {
      throw new StartupError(`${PREFIXES[accounts[1].role]}_USERNAME: is the name of the other first account`);
    }
    if (config.environment !== 'production') await keep(accounts, config);
    await withHasher(config, async (hasher) => {
      for (const account of accounts) {
        // Under the lock: who waits for it would hash in vain.
        const passwordHash = await hasher.hash(account.password, { lane: 'first' });
        await insertAccount(tx, account, passwordHash, new AuditService(dataSource));
      }
    });
    return accounts;
  });
}

/** A password that nobody guesses and anybody can type: five groups of five letters and digits. */
export function makePassword(): string {
  const group = () => Array.from({ length: 5 }, () => PASSWORD_SIGNS[randomInt(PASSWORD_SIGNS.length)]).join('');
  return Array.from({ length: 5 }, group).join('-');
}

/** Runs `work` with hashing threads of its own. */
export async function withHasher<T>(config: Config, work: (hasher: PasswordHasher) => Promise<T>): Promise<T> {
  const hasher = new PasswordHasher(config);
  try {
    return await work(hasher);
  } finally {
    await hasher.onApplicationShutdown();
  }
}

async function missingKinds(db: Queryable, config: Config): Promise<Kind[]> {
  const rows: { role: Kind }[] = await db.query(`SELECT DISTINCT role FROM user_roles WHERE role IN ('admin', 'app')`);
  const kinds = Object.keys(PREFIXES) as Kind[];
  return kinds.filter((kind) => isWanted(kind, config) && !rows.some(({ role }) => role === kind));
}

function isWanted(kind: Kind, config: Config): boolean {
  return config.environment !== 'production' || given(kind, config) !== undefined;
}

function given(kind: Kind, { bootstrapAdmin, bootstrapApp }: Config): BootstrapAccount | undefined {
  return kind === 'admin' ? bootstrapAdmin : bootstrapApp;
}

/** Given in the environment before kept in the file before made up. */
async function wantedAccounts(tx: EntityManager, config: Config): Promise<NewAccount[]> {
  const kept = config.environment === 'production' ? {} : await readCredentials(credentialsPath(config));
  return (await missingKinds(tx, config)).map((role) => {
    const { username, password, apitoken } = given(role, config) ?? {};
    const prefix = PREFIXES[role];
    return {
      role,
      username: username ?? kept[`${prefix}_USERNAME`] ?? freeName(role, config),
      password: password ?? kept[`${prefix}_PASSWORD`] ?? makePassword(),
      apitoken: apitoken ?? kept[`${prefix}_APITOKEN`] ?? formatToken('apt', makeToken()),
    };
  });
}

/** The role's own, unless the other account was given it. */
function freeName(role: Kind, { bootstrapAdmin, bootstrapApp }: Config): string {
  return [bootstrapAdmin?.username, bootstrapApp?.username].includes(role) ? `${role}-1` : role;
}

async function availableOf(
  tx: EntityManager,
  accounts: readonly NewAccount[],
  warn: (message: string) => void,
): Promise<NewAccount[]> {
  const names = accounts.map(({ username }) => username);
  const rows: { username: string }[] = await tx.query('SELECT username FROM users WHERE username = ANY($1)', [names]);
  const taken = new Set(rows.map(({ username }) => username));
  for (const { role } of accounts.filter(({ username }) => taken.has(username))) {
    warn(`there is no ${role} account and none was made: the name for it (${PREFIXES[role]}_USERNAME) is taken`);
  }
  return accounts.filter(({ username }) => !taken.has(username));
}

/** What the configuration gives was checked when it was read; a file may have been edited. */
function check({ role, username, password, apitoken }: NewAccount, policy: PasswordPolicy): void {
  const prefix = PREFIXES[role];
  if (foldUsername(username) !== username) throw new StartupError(`${prefix}_USERNAME: is no username`);
  if (parseToken('apt', apitoken) === null) throw new StartupError(`${prefix}_APITOKEN: is no apitoken`);
  const [refused] = policy.check(password, username, `${prefix}_PASSWORD`);
  if (refused !== undefined) throw new StartupError(`${refused.field}: ${refused.message}`);
}

/** Puts the accounts into the file of credentials, beside what it has of others. */
async function keep(accounts: readonly NewAccount[], config: Config): Promise<void> {
  const path = credentialsPath(config);
  const entries = accounts.flatMap(({ role, username, password, apitoken }): [string, string][] => [
    [`${PREFIXES[role]}_USERNAME`, username],
    [`${PREFIXES[role]}_PASSWORD`, password],
    [`${PREFIXES[role]}_APITOKEN`, apitoken],
  ]);
  const all: Credentials = { ...(await readCredentials(path)), ...Object.fromEntries(entries) };
  try {
    await writeCredentials(path, all);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartupError(`DATA_DIR: ${path} cannot be written (${code})`);
  }
}
