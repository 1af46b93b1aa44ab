import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Principal } from '../access/principal.js';
import { ApitokensService } from '../apitokens/apitokens.service.js';
import { AuditService } from '../audit/audit.service.js';
import { AuthorityService } from '../authority/authority.service.js';
import { Problem, type FieldError } from '../common/problem.js';
import { Config } from '../config/config.js';
import type { ClientInfo } from '../http/client-info.js';
import { RefusalPace } from '../limits/refusal-pace.js';
import { SignupLimits } from '../limits/signup-limits.js';
import type { HashWork } from '../passwords/hash-pool.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { PasswordPolicy } from '../passwords/password-policy.js';
import { foldUsername, USERNAME_ERROR } from '../common/username.js';
import type { CreateUserRequest } from './users.dto.js';

/** The name of the apitoken that a user is made with. */
const FIRST_APITOKEN = 'first';

const COUNTS = `SELECT count(*) FILTER (WHERE at > now() - interval '1 minute')::integer AS "lastMinute",
    count(*) FILTER (WHERE at >= date_trunc('day', now(), 'UTC'))::integer AS today,
    count(*)::integer AS "last30Days"
  FROM audit WHERE actor = $1 AND action = 'user.created' AND at > now() - interval '30 days'`;

/** Everything of a user that is not stored yet. */
export interface PreparedUser {
  readonly userid: string;
  /** Folded. */
  readonly username: string;
  readonly passwordHash: string;
}

/** A new user with the first apitoken, which is told this one time. */
export interface SignedUp {
  readonly userid: string;
  readonly username: string;
  readonly apitoken: string;
}

/** How many an app account has signed up, by the audit. */
export interface SignupCounts {
  readonly lastMinute: number;
  /** Since midnight, UTC. */
  readonly today: number;
  readonly last30Days: number;
  readonly perMinuteLimit: number;
}

/**
 * Makes users. `check`, `prepare` and `insert` are what every way of signing up has in common, in this order: what is
 * refused costs no hash, and nothing is hashed while rows are locked.
 */
@Injectable()
export class SignupService {
  constructor(
    private readonly config: Config,
    private readonly policy: PasswordPolicy,
    private readonly hasher: PasswordHasher,
    private readonly limits: SignupLimits,
    private readonly pace: RefusalPace,
    private readonly authority: AuthorityService,
    private readonly apitokens: ApitokensService,
    private readonly audit: AuditService,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /** The folded username; 422 `invalid_request` where it cannot be one, or the password may not be that user's. */
  check({ username, password }: CreateUserRequest): string {
    const folded = foldUsername(username);
    const errors: FieldError[] = this.policy.check(password, folded ?? '', 'password');
    if (folded !== null && errors.length === 0) return folded;
    const field = { field: 'username', message: USERNAME_ERROR };
    throw new Problem('invalid_request', { errors: folded === null ? [field, ...errors] : errors });
  }

  /**
   * Hashes the password of a user to be made; 409 `username_taken`, without hashing, where the name is or was
   * somebody's. Throws what `PasswordHasher.hash` throws.
   * @param username what `check` gave
   */
  async prepare(username: string, password: string, work: HashWork): Promise<PreparedUser> {
    const taken: unknown[] = await this.dataSource.query('SELECT 1 FROM users WHERE username = $1', [username]);
    if (taken.length > 0) throw new Problem('username_taken');
    return { userid: randomUUID(), username, passwordHash: await this.hasher.hash(password, work) };
  }

  /** Stores the user; 409 `username_taken` where somebody was faster: the unique index decides. */
  async insert(tx: EntityManager, { userid, username, passwordHash }: PreparedUser): Promise<void> {
    const rows: unknown[] = await tx.query(
      `INSERT INTO users (userid, username, password_hash) VALUES ($1, $2, $3)
       ON CONFLICT (username) DO NOTHING RETURNING userid`,
      [userid, username, passwordHash],
    );
    if (rows.length === 0) throw new Problem('username_taken');
  }

  /**
   * Signs somebody up, for an app account or an admin. 422, 429 (apps alone), 409 `username_taken`, in this order; 401
   * `unauthenticated` where the actor has changed while the password was hashed: nobody is made then.
   * @param signal the client has gone: a hash that still waits is not begun
   */
  async create(
    request: CreateUserRequest,
    actor: Principal,
    client: ClientInfo,
    signal?: AbortSignal,
  ): Promise<SignedUp> {
    return this.pace.keep(() => this.createNow(request, actor, client, signal));
  }

  private async createNow(
    request: CreateUserRequest,
    actor: Principal,
    client: ClientInfo,
    signal?: AbortSignal,
  ): Promise<SignedUp> {
    const username = this.check(request);
    const throughApp = actor.roles.includes('app');
    if (throughApp) await this.countThroughApp(actor, client);
    const user = await this.prepare(username, request.password, { lane: throughApp ? 'second' : 'first', signal });
    return this.authority.adminChange(actor, ['app', 'admin'], async (tx) => {
      await this.insert(tx, user);
      const { id, apitoken } = await this.apitokens.insert(tx, user.userid, FIRST_APITOKEN, null);
      await this.audit.record(tx, {
        action: 'user.created',
        actor: actor.userid,
        target: user.userid,
        client,
        detail: { username, apitoken: id },
      });
      return { userid: user.userid, username, apitoken };
    });
  }

  /** How many the app account has signed up; 404 where it is none. */
  async counts(userid: string): Promise<SignupCounts> {
    const truth = await this.authority.ask(userid, null);
    if (truth === null || truth.authority.status === 'deleted' || !truth.authority.roles.includes('app')) {
      throw new Problem('not_found');
    }
    const rows: Omit<SignupCounts, 'perMinuteLimit'>[] = await this.dataSource.query(COUNTS, [userid]);
    return { ...rows[0]!, perMinuteLimit: this.config.signupAppPerMinute };
  }

  /** Counted before the name is looked up, so that whoever lists names by their 409s is slowed down too. */
  private async countThroughApp(actor: Principal, client: ClientInfo): Promise<void> {
    const { appLimitReached } = await this.limits.throughApp(actor.userid, client.ip);
    if (!appLimitReached) return;
    await this.audit.record(this.dataSource.manager, {
      action: 'signup.limit_reached',
      actor: actor.userid,
      target: actor.userid,
      client,
      detail: { perMinuteLimit: this.config.signupAppPerMinute },
    });
  }
}
