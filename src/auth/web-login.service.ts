import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Login } from '../audit/audit-event.js';
import { AuditService } from '../audit/audit.service.js';
import { TruthService } from '../authority/truth.service.js';
import { Problem } from '../common/problem.js';
import { inTransaction } from '../database/transaction.js';
import type { ClientInfo } from '../http/client-info.js';
import { parseSessionCookie } from '../http/session-cookie.js';
import { RefusalPace } from '../limits/refusal-pace.js';
import { SignupLimits } from '../limits/signup-limits.js';
import { SessionsService, type OpenedSession } from '../sessions/sessions.service.js';
import { SignupService } from '../users/signup.service.js';
import type { CreateUserRequest } from '../users/users.dto.js';
import type { WebLoginRequest } from './auth.dto.js';
import { KnownSources } from './known-sources.js';
import { PasswordProof } from './password-proof.service.js';

/** Who has just proved a password on the web, or chosen one. */
interface Entrant {
  readonly userid: string;
  readonly username: string;
  /** Sorted. */
  readonly roles: readonly string[];
  /** The one read beside the password hash, so that no later end misses the session. */
  readonly epoch: string;
}

/** A session of the web, and whose it is. */
export interface WebSession {
  readonly user: Entrant;
  readonly opened: OpenedSession;
}

/** The browser's way in: no apitoken, and the session in a cookie (contract, Auth). */
@Injectable()
export class WebLoginService {
  constructor(
    private readonly proof: PasswordProof,
    private readonly signups: SignupService,
    private readonly signupLimits: SignupLimits,
    private readonly pace: RefusalPace,
    private readonly knownSources: KnownSources,
    private readonly sessions: SessionsService,
    private readonly truth: TruthService,
    private readonly audit: AuditService,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /**
   * Logs in with username and password.
   * @param cookies the session cookies that the browser came with: their sessions are over
   * @throws Problem `invalid_credentials`, the same whatever was wrong; `rate_limited`; `overloaded`; `unavailable`.
   */
  async login(
    body: WebLoginRequest,
    cookies: readonly string[],
    client: ClientInfo,
    gone: AbortSignal,
  ): Promise<WebSession> {
    const user = await this.proof.prove('web', body, client, gone);
    return this.enter(user, body.deviceName ?? null, cookies, client, () =>
      this.audit.recordLogin(webLogin(user.userid, client)),
    );
  }

  /** Signs somebody up and in. 422, 429, 409 `username_taken`, in this order; nothing is hashed for these. */
  async signup(
    body: CreateUserRequest,
    cookies: readonly string[],
    client: ClientInfo,
    gone: AbortSignal,
  ): Promise<WebSession> {
    const prepared = await this.pace.keep(async () => {
      const username = this.signups.check(body);
      await this.signupLimits.onWeb(client.ip);
      return this.signups.prepare(username, body.password, { lane: 'second', signal: gone });
    });
    const { userid, username } = prepared;
    const ticket = this.truth.begin();
    const epoch = await inTransaction(this.dataSource, async (tx) => {
      await this.signups.insert(tx, prepared);
      const detail = { username };
      await this.audit.record(tx, { action: 'user.created', actor: userid, target: userid, client, detail });
      await this.audit.recordLogin(webLogin(userid, client), tx);
      const epoch = await epochOf(tx, userid);
      this.truth.require(ticket);
      return epoch;
    });
    try {
      await this.knownSources.remember(userid, client.ip, epoch);
      return await this.enter({ userid, username, roles: ['user'], epoch }, null, cookies, client);
    } catch (cause) {
      // The account is there: whoever is told "nothing has changed" would find the name taken.
      throw new Problem('outcome_unknown', { cause });
    }
  }

  /** What came with the request ends first: nobody may have planted the session that goes on (session fixation). */
  private async enter(
    user: Entrant,
    deviceName: string | null,
    cookies: readonly string[],
    client: ClientInfo,
    writeDown?: () => Promise<void>,
  ): Promise<WebSession> {
    const { userid, epoch } = user;
    for (const cookie of new Set(cookies)) {
      const shown = parseSessionCookie(cookie);
      if (shown === null) continue;
      const event = { action: 'session.ended', actor: userid } as const;
      await this.sessions.endPresented(shown.userid, shown.accesstoken, event, client);
    }
    const how = { mode: 'web', apitokenId: null, isApp: false, notAfter: null, authTime: null } as const;
    return { user, opened: await this.sessions.open({ userid, epoch, deviceName, ...how }, client, writeDown) };
  }
}

function webLogin(userid: string, client: ClientInfo): Login {
  return { userid, apitokenId: null, client, mode: 'web' };
}

async function epochOf(tx: EntityManager, userid: string): Promise<string> {
  const [row]: { epoch: string }[] = await tx.query(
    `SELECT g.world || '.' || u.epoch AS epoch FROM users u, generation g WHERE u.userid = $1`,
    [userid],
  );
  return row!.epoch;
}
