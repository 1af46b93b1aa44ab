import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { makePassword, withHasher } from '../bootstrap/first-accounts.js';
import { insertAccount, type NewAccount } from '../bootstrap/insert-account.js';
import { withDataSource } from '../bootstrap/prepare-database.js';
import { StartupError } from '../bootstrap/startup-error.js';
import { formatToken, makeToken } from '../common/secret-token.js';
import { foldUsername } from '../common/username.js';
import type { Host, HostCommand } from './host-command.js';

/** Makes an admin with secrets of its own, which are shown this once. */
export const createAdmin: HostCommand = {
  parameters: ['username'],
  help: 'makes an admin and prints its secrets once',
  async run({ config, say }: Host, given: string): Promise<void> {
    const username = foldUsername(given);
    if (username === null) throw new StartupError('a username is 3 to 32 of a-z 0-9 . _ -, first a letter');
    const apitoken = formatToken('apt', makeToken());
    const account: NewAccount = { role: 'admin', username, password: makePassword(), apitoken };
    const passwordHash = await withHasher(config, (hasher) => hasher.hash(account.password, { lane: 'first' }));
    await withDataSource(config.databaseUrl, (dataSource) =>
      dataSource.transaction(async (tx) => {
        if (await isTaken(tx, username)) throw new StartupError(`the username ${username} is taken`);
        await insertAccount(tx, account, passwordHash, new AuditService(dataSource));
      }),
    );
    say(`username: ${account.username}`);
    say(`password: ${account.password}`);
    say(`apitoken: ${account.apitoken}`);
  },
};

/** The name of a deleted account stays taken. */
async function isTaken(tx: EntityManager, username: string): Promise<boolean> {
  const rows: unknown[] = await tx.query('SELECT 1 FROM users WHERE username = $1', [username]);
  return rows.length > 0;
}
