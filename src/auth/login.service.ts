import { Injectable } from '@nestjs/common';
import { ApitokensService } from '../apitokens/apitokens.service.js';
import { AuditService } from '../audit/audit.service.js';
import { Problem } from '../common/problem.js';
import { parseToken } from '../common/secret-token.js';
import type { ClientInfo } from '../http/client-info.js';
import { PasswordHasher, type Verification } from '../passwords/password-hasher.js';
import { RememberedPasswords } from '../passwords/remembered-passwords.js';
import { SessionsService, type OpenedSession } from '../sessions/sessions.service.js';
import { foldUsername } from '../common/username.js';
import type { LoginRequest } from './auth.dto.js';
import { LoginLimits } from './login-limits.js';
import { LoginOutcomes } from './login-outcomes.js';
import { Rehashing } from './rehashing.js';

/** Whose apitoken was presented, with all that was read beside it in one go. */
type Candidate = NonNullable<Awaited<ReturnType<ApitokensService['findForLogin']>>>;

/** Who proved all three; the epoch is the one read beside the password hash. */
export interface ProvenLogin {
  readonly userid: string;
  readonly epoch: string;
  readonly apitokenId: string;
  /** Unix ms, null: never. */
  readonly apitokenExpiresAt: number | null;
  readonly isApp: boolean;
  readonly deviceName: string | null;
}

/** The login of token mode: apitoken first, password second (contract). */
@Injectable()
export class LoginService {
  constructor(
    private readonly apitokens: ApitokensService,
    private readonly limits: LoginLimits,
    private readonly hasher: PasswordHasher,
    private readonly remembered: RememberedPasswords,
    private readonly sessions: SessionsService,
    private readonly audit: AuditService,
    private readonly outcomes: LoginOutcomes,
    private readonly rehashing: Rehashing,
  ) {}

  /**
   * Checks the three. A wrong apitoken costs one indexed read and never a hash.
   * @throws Problem `invalid_credentials`, the same whatever was wrong; `rate_limited`; `overloaded`; `unavailable`.
   */
  async prove(body: LoginRequest, client: ClientInfo, gone: AbortSignal): Promise<ProvenLogin> {
    return this.outcomes.watch('token', () => this.proveAll(body, client, gone));
  }

  private async proveAll(body: LoginRequest, client: ClientInfo, gone: AbortSignal): Promise<ProvenLogin> {
    const username = foldUsername(body.username);
    const candidate = await this.candidate(username, body.apitoken);
    if (candidate === null) {
      await this.limits.wrongApitoken(client.ip);
      return this.refuse(username, null, client);
    }
    const { userid, isApp, epoch } = candidate;
    const attempt = await this.limits.begin('token', {
      userid,
      username: candidate.username,
      isApp,
      epoch,
      address: client.ip,
      since: client.arrivedAt,
    });
    let proof: Verification;
    try {
      proof = await this.verify(candidate, body.password, gone);
    } catch (error) {
      await attempt.abandoned();
      throw error;
    }
    if (!proof.ok || candidate.status !== 'active') {
      await attempt.failed();
      return this.refuse(username, userid, client);
    }
    await attempt.succeeded();
    const { apitokenId, expiresAt: apitokenExpiresAt } = candidate;
    if (proof.rehash) await this.rehashing.renew(candidate, body.password, isApp ? 'second' : 'first');
    return { userid, epoch, apitokenId, apitokenExpiresAt, isApp, deviceName: body.deviceName ?? null };
  }

  /** The session of a proven login; it bears the epoch read beside the hash, so that no later end misses it. */
  async open(login: ProvenLogin, client: ClientInfo): Promise<OpenedSession> {
    const { userid, epoch, apitokenId, isApp, deviceName, apitokenExpiresAt: notAfter } = login;
    const opening = { userid, epoch, apitokenId, isApp, deviceName, notAfter, mode: 'token', authTime: null } as const;
    return this.sessions.open(opening, client, () =>
      this.audit.recordLogin({ userid, apitokenId, client, mode: 'token' }),
    );
  }

  private async candidate(username: string | null, apitoken: string): Promise<Candidate | null> {
    const token = parseToken('apt', apitoken);
    if (token === null || username === null) return null;
    const candidate = await this.apitokens.findForLogin(token);
    return candidate?.username === username ? candidate : null;
  }

  /** An app account's secrets are public: its right password is remembered for a while, wrong ones cost nothing then. */
  private async verify(candidate: Candidate, password: string, gone: AbortSignal): Promise<Verification> {
    const { userid, epoch, isApp, passwordHash } = candidate;
    const account = `token:${userid}`;
    if (!isApp) return this.hasher.verify(password, passwordHash, { lane: 'first', account, signal: gone });
    const known = this.remembered.check(userid, epoch, password);
    if (known !== 'unknown') return { ok: known === 'right', rehash: false };
    const proof = await this.hasher.verify(password, passwordHash, { lane: 'second', account, signal: gone });
    if (proof.ok) this.remembered.remember(userid, epoch, password);
    return proof;
  }

  private async refuse(username: string | null, userid: string | null, client: ClientInfo): Promise<never> {
    this.outcomes.count('token', userid === null ? 'wrong_apitoken' : 'wrong_password');
    await this.audit.recordFailedLogin({ username, userid, client, mode: 'token' });
    throw new Problem('invalid_credentials');
  }
}
