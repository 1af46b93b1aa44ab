import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Principal, PrincipalSession } from '../access/principal.js';
import { AuditService } from '../audit/audit.service.js';
import { AuthorityService, raiseEpoch } from '../authority/authority.service.js';
import { Problem } from '../common/problem.js';
import { formatToken, hashSecret, makeToken, parseToken } from '../common/secret-token.js';
import { Config } from '../config/config.js';
import { inTransaction } from '../database/transaction.js';
import type { ClientInfo } from '../http/client-info.js';
import { endedAmong, recordEnd } from './session-ends.js';
import { SessionStore, type Found } from './session-store.js';
import { isHonoured, type Session } from './session.js';

/** An app account's sessions end after this, however much they are used (contract). */
const APP_ABSOLUTE_SECONDS = 300;

/** What a new session is opened for. */
export interface Opening {
  readonly userid: string;
  readonly mode: 'token' | 'web';
  /** The epoch read beside the password hash, or returned by the transaction that made room for this session. */
  readonly epoch: string;
  readonly apitokenId: string | null;
  readonly isApp: boolean;
  readonly deviceName: string | null;
  /** Unix ms: never later than this, whatever the configuration says. */
  readonly notAfter: number | null;
  /** Unix ms; null: the password was proved just now. */
  readonly authTime: number | null;
}

/** A session and the one time its secret is told. */
export interface OpenedSession {
  readonly session: Session;
  readonly accesstoken: string;
}

/** Sessions: opened, recognised, listed, ended. */
@Injectable()
export class SessionsService {
  private readonly logger = new Logger(SessionsService.name);
  /** Calls that showed a session, by who decided them; refused are those whose session is none. */
  readonly checks = { memory: 0, redis: 0, postgres: 0, refused: 0 };

  constructor(
    private readonly config: Config,
    private readonly store: SessionStore,
    private readonly authority: AuthorityService,
    private readonly audit: AuditService,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /**
   * Opens a session; above SESSIONS_PER_USER the one opened first goes. 401 where its end would be past already.
   * @param writeDown what is written down of it, once it is there; where that fails it is taken away again, untold
   */
  async open(opening: Opening, client: ClientInfo, writeDown?: () => Promise<void>): Promise<OpenedSession> {
    const token = makeToken();
    const { isApp, ...rest } = opening;
    const session = await this.store.create({
      ...rest,
      sid: token.id,
      secretHash: hashSecret(token.secret),
      ip: client.ip,
      userAgent: client.userAgent,
      ...this.lifetime(opening.mode, isApp),
    });
    if (session === null) throw new Problem('unauthenticated');
    await writeDown?.().catch(async (error: unknown) => {
      await this.store.remove(session.userid, session.sid).catch(() => undefined);
      throw error;
    });
    // It is made and holds: a cap that could not be kept now is kept at the next login.
    if (!isApp) await this.keepCap(session).catch((error: unknown) => this.logger.warn({ err: error }, 'session cap'));
    return { session, accesstoken: formatToken('act', token) };
  }

  /**
   * Who presents this userid and accesstoken: one round trip to the store. Null for whatever is not the live session
   * of an active account, whatever the reason.
   */
  async authenticate(userid: string, accesstoken: string): Promise<Found | null> {
    const found = await this.find(userid, accesstoken);
    this.checks[found?.by ?? 'refused'] += 1;
    if (found === null) return null;
    const { session } = found;
    // Written at most once per twelfth of the idle time: a write a call would cost more than it tells.
    if (this.store.nowMs(userid) - session.lastSeenAt >= session.idleMs / 12) await this.store.touch(session);
    return found;
  }

  private async find(userid: string, accesstoken: string): Promise<Found | null> {
    const token = parseToken('act', accesstoken);
    if (token === null) return null;
    const found = await this.store.authenticate(userid, token);
    return found !== null && isHonoured(found.session, found.authority) ? found : null;
  }

  /** The user's live sessions, newest first. */
  async list(userid: string): Promise<Session[]> {
    return this.liveAmong(userid, await this.store.list(userid));
  }

  /** Those of the user's stored sessions that would be let in, newest first. */
  private async liveAmong(userid: string, stored: readonly Session[]): Promise<Session[]> {
    const truth = await this.authority.ask(userid, null);
    if (truth === null) return [];
    const honoured = stored.filter((session) => isHonoured(session, truth.authority));
    const ended = await endedAmong(
      this.dataSource,
      honoured.map(({ sid }) => sid),
    );
    return honoured
      .filter(({ sid }) => !ended.has(sid))
      .sort((a, b) => b.createdAt - a.createdAt || (a.sid < b.sid ? 1 : -1));
  }

  /** The same for an admin: 404 for nobody. */
  async listOf(userid: string): Promise<Session[]> {
    const truth = await this.authority.ask(userid, null);
    if (truth === null || truth.authority.status === 'deleted') throw new Problem('not_found');
    return this.list(userid);
  }

  /** Ends the session of the call. When this resolves no process honours it. */
  async logout(actor: Principal, client: ClientInfo): Promise<void> {
    const session = sessionOf(actor);
    const ended = await inTransaction(this.dataSource, async (tx) => {
      const fresh = await this.recordEnd(tx, actor.userid, session);
      if (fresh) {
        await this.audit.record(tx, { action: 'logout', actor: actor.userid, target: actor.userid, client });
      }
      return fresh;
    });
    await this.store.remove(actor.userid, session.sid);
    // Over already, perhaps by a re-authentication, whose new session this has not ended.
    if (!ended) throw new Problem('unauthenticated');
  }

  /**
   * Ends the session that somebody shows who may be anybody, where it is one: it leaked, or a browser came with it to a
   * login. Not a logout: who shows it need not be its user.
   * @param actor who has just logged in; null: nobody knows
   */
  async endPresented(
    userid: string,
    accesstoken: string,
    { action, actor }: { readonly action: 'session.ended' | 'session.leaked'; readonly actor: string | null },
    client: ClientInfo,
  ): Promise<void> {
    const found = await this.authenticate(userid, accesstoken);
    if (found === null) return;
    const { session } = found;
    const detail = { session: session.sid };
    await inTransaction(this.dataSource, async (tx) => {
      if (await this.recordEnd(tx, userid, session)) {
        await this.audit.record(tx, { action, actor, target: userid, client, detail });
      }
    });
    await this.store.remove(userid, session.sid);
  }

  /** Ends one of the user's sessions; 404 where there is no such live one. An admin may end anybody's. */
  async end(userid: string, sid: string, actor: Principal, client: ClientInfo): Promise<void> {
    const session = (await this.list(userid)).find((candidate) => candidate.sid === sid);
    if (session === undefined) throw new Problem('not_found');
    const roles = actor.userid === userid ? null : ['admin'];
    await this.authority.adminChange(actor, roles, async (tx) => {
      if (!(await this.recordEnd(tx, userid, session))) throw new Problem('not_found');
      await this.audit.record(tx, {
        action: 'session.ended',
        actor: actor.userid,
        target: userid,
        client,
        detail: { session: sid },
      });
    });
    await this.store.remove(userid, sid);
  }

  /** Ends every session of the user, by the epoch. Gives the new epoch; 404 for nobody. */
  async endAll(userid: string, actor: Principal, client: ClientInfo): Promise<string> {
    const roles = actor.userid === userid ? {} : { actorRoles: ['admin'] };
    return this.authority.change({ target: userid, actor, ...roles }, async (tx, { target }) => {
      if (target === null || target.status === 'deleted') throw new Problem('not_found');
      await this.audit.record(tx, { action: 'sessions.ended', actor: actor.userid, target: userid, client });
      return raiseEpoch(tx, userid);
    });
  }

  /** Ends every session of the caller but gives a new one in place of this one, with its end and time of proof. */
  async endOthers(actor: Principal, client: ClientInfo): Promise<OpenedSession> {
    const session = sessionOf(actor);
    const epoch = await this.endAll(actor.userid, actor, client);
    return this.openInPlaceOf(actor, epoch, client, { notAfter: session.absoluteEnd, authTime: session.authTime });
  }

  /** Ends everybody's sessions, the caller's too. */
  async endEverybodys(actor: Principal, client: ClientInfo): Promise<void> {
    await this.authority.endAllSessions(actor, (tx) =>
      this.audit.record(tx, { action: 'all_sessions.ended', actor: actor.userid, target: null, client }),
    );
  }

  /**
   * A new session in place of the caller's, which its transaction has ended (design rule 11): same mode, apitoken and
   * device.
   * @param epoch what that transaction returned, never one read later
   */
  async openInPlaceOf(
    actor: Principal,
    epoch: string,
    client: ClientInfo,
    kept: { readonly notAfter: number | null; readonly authTime: number | null },
  ): Promise<OpenedSession> {
    const { apitokenId, deviceName } = sessionOf(actor);
    const mode = actor.mode === 'web' ? 'web' : 'token';
    const opening = { userid: actor.userid, mode, epoch, apitokenId, deviceName, isApp: false, ...kept } as const;
    try {
      return await this.open(opening, client);
    } catch (error) {
      if (error instanceof Problem && error.status !== 503) throw error;
      // The old session is over, and whatever else the transaction did is in force.
      throw new Problem('outcome_unknown', { cause: error });
    }
  }

  /**
   * Puts the end of a session on record, in the caller's transaction; false where it was there already. From the COMMIT
   * on nobody honours it, whatever becomes of this process; `remove` then only tidies up.
   */
  async recordEnd(
    tx: EntityManager,
    userid: string,
    session: { readonly sid: string; readonly absoluteEnd: number },
  ): Promise<boolean> {
    await this.store.fence(tx, userid, session.sid);
    return recordEnd(tx, session, userid);
  }

  /** Whether the session's password was proved at most that long ago, by the clock that gave the time of proof. */
  provedWithin(userid: string, { authTime }: Pick<Session, 'authTime'>, seconds: number): boolean {
    return this.store.nowMs(userid) - authTime <= seconds * 1000;
  }

  /** Takes an ended session out of the store; its end must be on record. */
  async remove(userid: string, sid: string): Promise<void> {
    await this.store.remove(userid, sid);
  }

  private lifetime(mode: 'token' | 'web', isApp: boolean): { idleMs: number; absoluteMs: number } {
    const { config } = this;
    const idle = mode === 'web' ? config.sessionIdleSeconds : config.sessionTokenIdleSeconds;
    const absolute = mode === 'web' ? config.sessionAbsoluteSeconds : config.sessionTokenAbsoluteSeconds;
    return { idleMs: idle * 1000, absoluteMs: (isApp ? APP_ABSOLUTE_SECONDS : absolute) * 1000 };
  }

  /** Counts only what is live, and never gives up the session just made. */
  private async keepCap(made: Session): Promise<void> {
    const most = this.config.sessionsPerUser;
    // Nearly always there are fewer in all, and nobody need be asked which of them are live.
    const stored = await this.store.list(made.userid);
    if (stored.length <= most) return;
    const others = (await this.liveAmong(made.userid, stored)).filter(({ sid }) => sid !== made.sid);
    const surplus = others.length + 1 - most;
    if (surplus <= 0) return;
    const oldest = others.sort((a, b) => a.createdAt - b.createdAt || (a.sid < b.sid ? -1 : 1)).slice(0, surplus);
    for (const { sid } of oldest) await this.store.remove(made.userid, sid);
  }
}

function sessionOf(actor: Principal): PrincipalSession {
  if (actor.session === null) throw new Problem('forbidden');
  return actor.session;
}
