import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Principal } from '../access/principal.js';
import { AuditService } from '../audit/audit.service.js';
import { AuthorityService, raiseEpoch } from '../authority/authority.service.js';
import { Problem } from '../common/problem.js';
import { isSecretOf, parseToken } from '../common/secret-token.js';
import type { ClientInfo } from '../http/client-info.js';
import { RefusalPace } from '../limits/refusal-pace.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { PasswordPolicy } from '../passwords/password-policy.js';
import { SessionsService, type OpenedSession } from '../sessions/sessions.service.js';
import { foldUsername } from '../common/username.js';
import type { PasswordChangeRequest, PasswordResetRequest } from './auth.dto.js';
import { KnownSources } from './known-sources.js';
import { LoginLimits } from './login-limits.js';

/** A user's own password: proved again, changed, set anew by a code. */
@Injectable()
export class OwnPasswordService {
  constructor(
    private readonly authority: AuthorityService,
    private readonly sessions: SessionsService,
    private readonly limits: LoginLimits,
    private readonly knownSources: KnownSources,
    private readonly hasher: PasswordHasher,
    private readonly policy: PasswordPolicy,
    private readonly audit: AuditService,
    private readonly pace: RefusalPace,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /** A new and fresh session in place of the caller's, which is over as by a logout (design rule 11). */
  async reauthenticate(
    user: Principal,
    password: string,
    client: ClientInfo,
    gone: AbortSignal,
  ): Promise<OpenedSession> {
    await this.prove(user, password, client, gone);
    const old = user.session!;
    const { epoch, notAfter } = await this.authority.adminChange(user, null, async (tx) => {
      if (!(await this.sessions.recordEnd(tx, user.userid, old))) throw new Problem('unauthenticated');
      await this.audit.record(tx, { action: 'reauthentication', actor: user.userid, target: user.userid, client });
      return { epoch: old.epoch, notAfter: await apitokenEnd(tx, old.apitokenId) };
    });
    await this.sessions.remove(user.userid, old.sid);
    return this.sessions.openInPlaceOf(user, epoch, client, { notAfter, authTime: null });
  }

  /** Sets a new password; every session is over but the new one this gives. */
  async change(
    user: Principal,
    { currentPassword, newPassword }: PasswordChangeRequest,
    client: ClientInfo,
    gone: AbortSignal,
  ): Promise<OpenedSession> {
    this.checkPolicy(newPassword, user.username);
    await this.prove(user, currentPassword, client, gone);
    const account = `own:${user.userid}`;
    const hash = await this.hasher.hash(newPassword, { lane: 'first', account, signal: gone });
    const change = { target: user.userid, actor: user };
    const { epoch, notAfter } = await this.authority.change(change, async (tx) => {
      await this.set(tx, user.userid, hash);
      await this.audit.record(tx, { action: 'password.changed', actor: user.userid, target: user.userid, client });
      const epoch = await raiseEpoch(tx, user.userid);
      return { epoch, notAfter: await apitokenEnd(tx, user.session!.apitokenId) };
    });
    return this.sessions.openInPlaceOf(user, epoch, client, { notAfter, authTime: null });
  }

  /** Sets a password by a one-time code; every failure is the 401 of a login, found before anything is hashed. */
  async reset(body: PasswordResetRequest, client: ClientInfo, gone: AbortSignal): Promise<void> {
    return this.pace.keep(() => this.resetNow(body, client, gone));
  }

  private async resetNow(body: PasswordResetRequest, client: ClientInfo, gone: AbortSignal): Promise<void> {
    const username = foldUsername(body.username);
    this.checkPolicy(body.newPassword, username ?? '');
    await this.limits.resetCodes(client.ip);
    const code = parseToken('rst', body.code);
    const userid = code === null || username === null ? null : await this.ownerOfCode(username, code);
    if (userid === null || code === null) return this.refuse(username, null, client);
    const hash = await this.hasher.hash(body.newPassword, { lane: 'second', account: `reset:${userid}`, signal: gone });
    await this.authority.change({ target: userid }, async (tx, { target }) => {
      const [used]: [unknown[], number] = await tx.query(
        'DELETE FROM reset_codes WHERE userid = $1 AND id = $2 AND expires_at > now() RETURNING id',
        [userid, code.id],
      );
      if (used.length === 0 || target?.status !== 'active') throw new Problem('invalid_credentials');
      await this.set(tx, userid, hash);
      await raiseEpoch(tx, userid);
      await this.audit.record(tx, { action: 'password.reset', actor: userid, target: userid, client });
    });
  }

  /** The password rules, for the field `newPassword`: 422. */
  private checkPolicy(password: string, username: string): void {
    const errors = this.policy.check(password, username, 'newPassword');
    if (errors.length > 0) throw new Problem('invalid_request', { errors });
  }

  /** The caller's password, within the limits of its own sessions; 403 `wrong_password`. */
  private async prove(user: Principal, password: string, client: ClientInfo, gone: AbortSignal): Promise<void> {
    const { userid, username } = user;
    const [row]: { password_hash: string | null }[] = await this.dataSource.query(
      'SELECT password_hash FROM users WHERE userid = $1',
      [userid],
    );
    const { ip: address, arrivedAt: since } = client;
    const attempt = await this.limits.begin('own', { userid, username, isApp: false, address, since });
    let ok: boolean;
    try {
      const work = { lane: 'first', account: `own:${userid}`, signal: gone } as const;
      ({ ok } = await this.hasher.verify(password, row?.password_hash ?? null, work));
    } catch (error) {
      await attempt.abandoned();
      throw error;
    }
    await (ok ? attempt.succeeded() : attempt.failed());
    if (!ok) throw new Problem('wrong_password');
  }

  private async ownerOfCode(username: string, code: { id: string; secret: string }): Promise<string | null> {
    const [row]: { userid: string; secret_hash: string }[] = await this.dataSource.query(
      `SELECT c.userid, c.secret_hash FROM reset_codes c JOIN users u ON u.userid = c.userid
       WHERE c.id = $1 AND c.expires_at > now() AND u.username = $2 AND u.status = 'active'`,
      [code.id, username],
    );
    return row !== undefined && isSecretOf(code.secret, row.secret_hash) ? row.userid : null;
  }

  /** Stores the hash and clears what wrong passwords have left; an open reset code is void. */
  private async set(tx: EntityManager, userid: string, hash: string): Promise<void> {
    await tx.query('UPDATE users SET password_hash = $1 WHERE userid = $2', [hash, userid]);
    await tx.query('DELETE FROM reset_codes WHERE userid = $1', [userid]);
    await this.limits.clearLockouts(userid, tx);
    await this.knownSources.forgetAll(userid, tx);
  }

  private async refuse(username: string | null, userid: string | null, client: ClientInfo): Promise<never> {
    await this.audit.recordFailedLogin({ username, userid, client, mode: 'reset' });
    throw new Problem('invalid_credentials');
  }
}

/** When the apitoken ends, in Unix ms: no session outlives the one that opened it. */
async function apitokenEnd(tx: EntityManager, apitokenId: string | null): Promise<number | null> {
  if (apitokenId === null) return null;
  const [row]: { expires_at: Date | null }[] = await tx.query('SELECT expires_at FROM apitokens WHERE id = $1', [
    apitokenId,
  ]);
  return row?.expires_at?.getTime() ?? null;
}
