import { randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { AuditService } from '../audit/audit.service.js';
import { hashSecret, parseToken } from '../common/secret-token.js';

/** An account that the host makes: its name and its two secrets, in clear. */
export interface NewAccount {
  readonly role: 'admin' | 'app';
  /** Folded. */
  readonly username: string;
  /** `PasswordPolicy` has let it pass. */
  readonly password: string;
  readonly apitoken: string;
}

/** The name of the apitoken that an account is made with. */
const FIRST_APITOKEN = 'first';

/**
 * Stores the account with its role and its apitoken, and the audit rows with no actor: it was the host. Nobody can
 * have asked for its authority yet, so nothing is to be fenced. The name must be free.
 * @param passwordHash of its password
 * @throws what the unique index of usernames throws.
 */
export async function insertAccount(
  tx: EntityManager,
  { role, username, apitoken }: NewAccount,
  passwordHash: string,
  audit: AuditService,
): Promise<void> {
  const token = parseToken('apt', apitoken);
  if (token === null) throw new Error('this is no apitoken');
  const userid = randomUUID();
  await tx.query('INSERT INTO users (userid, username, password_hash) VALUES ($1, $2, $3)', [
    userid,
    username,
    passwordHash,
  ]);
  await tx.query('INSERT INTO user_roles (userid, role) VALUES ($1, $2)', [userid, role]);
  await tx.query('INSERT INTO apitokens (id, userid, name, secret_hash) VALUES ($1, $2, $3, $4)', [
    token.id,
    userid,
    FIRST_APITOKEN,
    hashSecret(token.secret),
  ]);
  const byHost = { actor: null, target: userid, client: null };
  await audit.record(tx, { action: 'user.created', ...byHost, detail: { username, apitoken: token.id } });
  await audit.record(tx, { action: 'role.granted', ...byHost, detail: { role } });
}
