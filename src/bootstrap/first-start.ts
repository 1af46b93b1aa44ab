import type { Config } from '../config/config.js';
import { credentialsPath } from './first-accounts.js';
import type { NewAccount } from './insert-account.js';

/** What a developer is told once, after the accounts were made: how to log in as each, and where to try the API. */
export function firstStartText(accounts: readonly NewAccount[], url: string, config: Config): string {
  const logins = accounts.map((account) => `As ${account.username} (role ${account.role}):\n\n${curl(account, url)}\n`);
  const docs = config.swaggerUi ? `Every route can be tried by hand at ${url}/docs\n\n` : '';
  return [
    `\nFirst start: accounts were made. Their secrets are shown this once and kept in ${credentialsPath(config)}.\n`,
    ...logins,
    docs,
  ].join('\n');
}

/** Addresses that mean every interface are no place to send a request to. */
export function visitableUrl(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function curl({ username, password, apitoken }: NewAccount, url: string): string {
  const body = JSON.stringify({ username, password, apitoken });
  return `  curl -sS ${url}/v1/auth/login -H 'Content-Type: application/json' \\\n    -d ${shellQuoted(body)}`;
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll(`'`, `'\\''`)}'`;
}
