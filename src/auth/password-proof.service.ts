import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { Problem } from '../common/problem.js';
import type { ClientInfo } from '../http/client-info.js';
import { PasswordHasher, type Verification } from '../passwords/password-hasher.js';
import { foldUsername } from '../common/username.js';
import { UsersService, type UserCredentials } from '../users/users.service.js';
import { LoginLimits, type LoginAttempt } from './login-limits.js';
import { LoginOutcomes } from './login-outcomes.js';
import { Rehashing } from './rehashing.js';

/** A username and its password, as sent. */
export interface NameAndPassword {
  readonly username: string;
  readonly password: string;
}

/** Where a password stands alone: web login, Basic, `POST /v1/apitokens`. One set of limits for all of them. */
@Injectable()
export class PasswordProof {
  constructor(
    private readonly users: UsersService,
    private readonly limits: LoginLimits,
    private readonly hasher: PasswordHasher,
    private readonly audit: AuditService,
    private readonly outcomes: LoginOutcomes,
    private readonly rehashing: Rehashing,
  ) {}

  /**
   * Whose username and password these are; the epoch is the one read beside the hash.
   * @throws Problem `invalid_credentials`, the same for no such account, an app's, a disabled one, a wrong password and
   *   one that is off; `rate_limited`; `overloaded`; `unavailable`.
   */
  async prove(
    mode: 'web' | 'basic' | 'apitoken',
    sent: NameAndPassword,
    client: ClientInfo,
    gone: AbortSignal,
  ): Promise<UserCredentials> {
    return this.outcomes.watch(mode, () => this.proveNow(mode, sent, client, gone));
  }

  private async proveNow(
    mode: 'web' | 'basic' | 'apitoken',
    sent: NameAndPassword,
    client: ClientInfo,
    gone: AbortSignal,
  ): Promise<UserCredentials> {
    const username = foldUsername(sent.username);
    const account = username === null ? null : await this.find(username);
    const isApp = account?.roles.includes('app') ?? false;
    const attempt = await this.limits.begin('web', {
      userid: account?.userid ?? null,
      username: username ?? sent.username,
      isApp,
      ...(account === null ? {} : { epoch: account.epoch }),
      address: client.ip,
      since: client.arrivedAt,
    });
    const usable = account !== null && !isApp && !attempt.passwordOff;
    const proof = await this.verify(attempt, sent.password, usable ? account : null, username ?? '', gone);
    if (!proof.ok || account?.status !== 'active') {
      this.outcomes.count(mode, 'wrong_password');
      await attempt.failed();
      await this.audit.recordFailedLogin({ username, userid: account?.userid ?? null, client, mode });
      throw new Problem('invalid_credentials');
    }
    await attempt.succeeded();
    if (proof.rehash) await this.rehashing.renew(account, sent.password, 'second');
    return account;
  }

  private async find(username: string): Promise<UserCredentials | null> {
    const account = await this.users.findByUsername(username);
    return account?.status === 'deleted' ? null : account;
  }

  /** One hash for everybody: a dummy where there is no such account, it is an app's, or its password is off. */
  private async verify(
    attempt: LoginAttempt,
    password: string,
    usable: UserCredentials | null,
    username: string,
    gone: AbortSignal,
  ): Promise<Verification> {
    try {
      const work = { lane: 'second', account: `web:${username}`, signal: gone } as const;
      return await this.hasher.verify(password, usable?.passwordHash ?? null, work);
    } catch (error) {
      await attempt.abandoned();
      throw error;
    }
  }
}
