import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { createHash } from 'node:crypto';
import { DataSource, type EntityManager } from 'typeorm';
import { failClosed } from '../limits/fail-closed.js';
import { Limiter, type Hold } from '../limits/limiter.js';
import { sourceOf } from '../limits/source.js';
import { KnownSources } from './known-sources.js';
import { WebFailures } from './web-failures.js';

/**
 * Which password is proved: `token` at a login with a right apitoken; `web` at web login, Basic and
 * `POST /v1/apitokens`; `own` by a session of the account itself (re-authentication, password change). What is
 * wrong in one kind never closes another.
 */
export type LoginKind = 'token' | 'web' | 'own';

/** Whose password a request wants looked at. */
export interface LoginSubject {
  /** Null where the name does not exist; never in kinds `token` and `own`. */
  readonly userid: string | null;
  /** As folded by the caller or as sent: it is folded here again before it becomes a key. */
  readonly username: string;
  readonly isApp: boolean;
  /** The epoch read beside the password hash. */
  readonly epoch?: string;
  readonly address: string | undefined;
  /**
   * When the request came, on the clock of `performance.now()`. A try that came during a wait is refused even if it
   * stood in a queue until the wait was over.
   */
  readonly since: number;
}

/** A try that passed every limit. Exactly one of the three methods is called, once, however the request ends. */
export interface LoginAttempt {
  /**
   * 100 were wrong in a row: the password is off in this kind. The caller hashes a dummy, answers as to a wrong
   * password, and calls `failed`.
   */
  readonly passwordOff: boolean;
  /** The password was right: waits and counts of failures end, and the source is known from now on. */
  succeeded(): Promise<void>;
  /** The password was wrong: what was counted stays. */
  failed(): Promise<void>;
  /** The password was not looked at (503, the client is gone): gives back what may be. Never throws. */
  abandoned(): Promise<void>;
}

const MINUTE = 60;
const TEN_MINUTES = 600;
const HOUR = 3600;

/** The numbers of docs/security.md, Limits. */
const WEB_PER_SOURCE = 30;
const FAILED_PER_SOURCE = 10;
const APP_LOGINS_PER_SOURCE = 10;
const RESET_CODES_PER_SOURCE = 10;
const HASHES_PER_ACCOUNT = 30;
const OWN_FAILURES = 5;

/** A run of waits: its bucket and whom it counts for. */
type RunKey = readonly [bucket: string, key: string];

/** What an attempt took, by when it goes back. */
interface Taken {
  /** Given back when the password was not looked at. */
  readonly returnable: readonly Hold[];
  /** Of those, the ones that count failures alone: given back when it was right, too. */
  readonly failures: readonly Hold[];
}

/** The limits of everything that proves a password, composed: all of them count before the password is hashed. */
@Injectable()
export class LoginLimits {
  constructor(
    private readonly limiter: Limiter,
    private readonly knownSources: KnownSources,
    private readonly webFailures: WebFailures,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /**
   * Counts a wrong apitoken; 429 above 10 a minute from one source, else the caller answers 401. Right ones from
   * the same address are never counted nor stopped here.
   */
  async wrongApitoken(address: string | undefined): Promise<void> {
    await this.limiter.takeSource('wrong-apitoken', address, FAILED_PER_SOURCE, MINUTE);
  }

  /** Counts the use of a reset code, right or wrong; 429 above 10 an hour from one source. */
  async resetCodes(address: string | undefined): Promise<void> {
    await this.limiter.takeSource('reset-code', address, RESET_CODES_PER_SOURCE, HOUR);
  }

  /**
   * Counts one password about to be looked at. Throws 429 `rate_limited`, the same for names that do not exist and
   * with nothing counted, or 503 `unavailable`.
   */
  async begin(kind: LoginKind, who: LoginSubject): Promise<LoginAttempt> {
    if (kind === 'web') return this.beginWeb(who);
    if (who.userid === null) throw new TypeError('only the web kind meets names that do not exist');
    if (kind === 'own') return this.beginOwn(who.userid);
    return who.isApp ? this.beginApp(who.address) : this.beginToken({ ...who, userid: who.userid });
  }

  /**
   * After a reset or a password change: the password is on again in every kind and nobody waits. How often it was
   * hashed stays counted.
   * @param manager the transaction that sets the password
   */
  async clearLockouts(userid: string, manager?: EntityManager): Promise<void> {
    await this.webFailures.clearAll(userid, manager);
    await this.limiter.clear('run-token', userid, manager);
    await this.limiter.clear('own-failed', userid, manager);
    const db = manager ?? this.dataSource;
    const [user] = await failClosed(() =>
      db.query<{ username: string }[]>('SELECT username FROM users WHERE userid = $1', [userid]),
    );
    if (user) await this.limiter.clear('run-web', nameKey(user.username), manager);
  }

  /** Re-authentication and password change: 5 failures in 10 minutes, and the hashes. */
  private async beginOwn(userid: string): Promise<LoginAttempt> {
    const [failure, hashed] = await this.limiter.takeAll([
      () => this.limiter.take('own-failed', userid, OWN_FAILURES, TEN_MINUTES),
      () => this.hash('own', userid),
    ]);
    return this.attempt({ returnable: [failure!, hashed!], failures: [] }, () =>
      this.limiter.clear('own-failed', userid),
    );
  }

  /** An app account's login: by source alone, as anybody may have its secrets. */
  private async beginApp(address: string | undefined): Promise<LoginAttempt> {
    const login = await this.limiter.takeSource('app-login', address, APP_LOGINS_PER_SOURCE, MINUTE);
    return this.attempt({ returnable: [login], failures: [] }, () => Promise.resolve());
  }

  /** A login with a right apitoken. */
  private async beginToken({
    userid,
    address,
    since,
    epoch,
  }: LoginSubject & { userid: string }): Promise<LoginAttempt> {
    const own = knownRun('token', userid, address);
    const run: RunKey = (await this.knownSources.isKnown(userid, address)) ? own : ['run-token', userid];
    const [reserved, hashed] = await this.limiter.takeAll([
      () => this.limiter.reserveTry(...run, since),
      () => this.hash('token', userid),
    ]);
    return this.attempt({ returnable: [reserved!, hashed!], failures: [] }, async () => {
      await this.endRuns(run, own);
      await this.webFailures.clearAll(userid);
      await this.knownSources.remember(userid, address, epoch);
    });
  }

  /**
   * Web login, Basic, `POST /v1/apitokens`. An app account cannot be entered here: it is treated as a name that
   * does not exist, so that its waits do not tell it from one.
   */
  private async beginWeb(who: LoginSubject): Promise<LoginAttempt> {
    const userid = who.isApp ? null : who.userid;
    const { address, since } = who;
    const name = nameKey(who.username);
    const known = await this.knownSources.isKnown(userid, address);
    const strangers: RunKey = ['run-web', name];
    const own = userid === null ? strangers : knownRun('web', userid, address);
    const run = known ? own : strangers;
    const counter = { userid, username: name, address, known };
    let passwordOff = false;
    const [source, failed, reserved, hashed, counted] = await this.limiter.takeAll([
      () => this.limiter.takeSource('web', address, WEB_PER_SOURCE, MINUTE),
      () => this.limiter.takeSource('web-failed', address, FAILED_PER_SOURCE, MINUTE),
      () => this.limiter.reserveTry(...run, since),
      () => this.hash('web', name),
      async () => {
        passwordOff = await this.webFailures.reserve(counter);
        return { count: 0, giveBack: () => this.webFailures.giveBack(counter) };
      },
    ]);
    const taken = { returnable: [source!, failed!, reserved!, hashed!, counted!], failures: [failed!] };
    return this.attempt(taken, () => this.webSucceeded(run, own, userid, who), passwordOff);
  }

  private async webSucceeded(run: RunKey, own: RunKey, userid: string | null, who: LoginSubject): Promise<void> {
    if (userid === null) throw new Error('nobody cannot have proved a password');
    await this.endRuns(run, own);
    if (run !== own) await this.webFailures.clearStrangers(userid);
    await this.knownSources.remember(userid, who.address, who.epoch);
  }

  /**
   * Hashes of one account's password, right or wrong, are bounded because they cost. Given back only where none ran: or
   * who hangs up before its turn could use up somebody else's.
   */
  private hash(kind: LoginKind, key: string): Promise<Hold> {
    return this.limiter.take(`hash-${kind}`, key, HASHES_PER_ACCOUNT, TEN_MINUTES);
  }

  /** Ends the run that was used and, as the source is known from now on, an older one of its own. */
  private async endRuns(used: RunKey, own: RunKey): Promise<void> {
    await this.limiter.clear(...used);
    if (used !== own) await this.limiter.clear(...own);
  }

  private attempt({ returnable, failures }: Taken, onSuccess: () => Promise<void>, passwordOff = false): LoginAttempt {
    let settled = false;
    const settle = async (): Promise<void> => {
      if (settled) throw new Error('this attempt has been settled already');
      settled = true;
    };
    return {
      passwordOff,
      succeeded: async () => {
        await settle();
        if (passwordOff) throw new Error('the password is off: no try can succeed');
        await this.limiter.giveBackAll(failures);
        await onSuccess();
      },
      failed: settle,
      abandoned: async () => {
        await settle();
        await this.limiter.giveBackAll(returnable);
      },
    };
  }
}

/** The run of one source from which that user logs in. */
function knownRun(kind: 'token' | 'web', userid: string, address: string | undefined): RunKey {
  return [`run-${kind}-known`, `${userid}:${sourceOf(address).key}`];
}

/**
 * The key of a username, existing or not: folded (NFKC, lower case), so that spellings share it, and hashed, so that
 * what somebody typed into the field, perhaps a password, is in no store.
 */
function nameKey(username: string): string {
  return createHash('sha256').update(username.normalize('NFKC').toLowerCase()).digest('base64url');
}
