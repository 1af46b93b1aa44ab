import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { Principal } from '../../src/access/principal.js';
import { AuditService } from '../../src/audit/audit.service.js';
import { AuthorityService } from '../../src/authority/authority.service.js';
import { ensureGeneration } from '../../src/authority/generation.js';
import { TruthProbe } from '../../src/authority/truth-probe.js';
import { TruthService } from '../../src/authority/truth.service.js';
import { makeToken } from '../../src/common/secret-token.js';
import { loadConfig } from '../../src/config/env.js';
import type { ClientInfo } from '../../src/http/client-info.js';
import { RedisService } from '../../src/redis/redis.service.js';
import { NearCache } from '../../src/sessions/near-cache.js';
import { PostgresSessionStore } from '../../src/sessions/postgres-session.store.js';
import { RedisSessionStore } from '../../src/sessions/redis-session.store.js';
import type { SessionStore } from '../../src/sessions/session-store.js';
import { SessionsService, type OpenedSession, type Opening } from '../../src/sessions/sessions.service.js';
import { TrackedSessionStore } from '../../src/sessions/tracked-session.store.js';
import { openDataSource } from '../limits/limit-stores.js';
import { eventually } from '../support/barrier.js';

// Lost connections are what these tests are about: their warnings would hide the results.
Logger.overrideLogger(false);

/** As in `TEST_ENV`: a machine with other work to do does not lose it so soon. */
export const LEASE_MS = 3000;
export const CLIENT: ClientInfo = { ip: '192.0.2.1', requestId: 'test', userAgent: 'test agent', arrivedAt: 0 };

/** All of one process that has to do with sessions, without HTTP: several on one database and Redis are a fleet. */
export class SessionProcess {
  readonly fatal: string[] = [];

  private constructor(
    readonly db: DataSource,
    readonly redis: RedisService,
    readonly truth: TruthService,
    readonly authority: AuthorityService,
    readonly near: NearCache,
    readonly store: SessionStore,
    readonly sessions: SessionsService,
  ) {}

  /** `redisUrl` null: sessions in Postgres. Resolves at once; `ready` waits for the lease. */
  static async start(databaseUrl: string, redisUrl: string | null, env: Record<string, string> = {}) {
    const config = loadConfig({
      NODE_ENV: 'test',
      DATABASE_URL: databaseUrl,
      PASSWORD_ITERATIONS: '1000',
      TRUTH_LEASE_MS: String(LEASE_MS),
      ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
      ...env,
    });
    const db = await openDataSource(databaseUrl);
    await ensureGeneration(db, config.truthLeaseMs, redisUrl === null ? 'postgres' : 'redis');
    const redis = new RedisService(config);
    const truth = new TruthService(config, redis, new TruthProbe(config, redis, db));
    const authority = new AuthorityService(db, redis, truth);
    const near = new NearCache(config, redis, truth);
    const redisStore = () =>
      config.sessionCache === 'tracked'
        ? new TrackedSessionStore(redis, truth, authority, near)
        : new RedisSessionStore(redis, truth, authority);
    const store = redisUrl === null ? new PostgresSessionStore(db, truth) : redisStore();
    const sessions = new SessionsService(config, store, authority, new AuditService(db), db);
    const process = new SessionProcess(db, redis, truth, authority, near, store, sessions);
    truth.onFatal((reason) => process.fatal.push(reason));
    redis.onModuleInit();
    // As where a process takes long to start: the connection is there before the others are told to begin.
    if (config.sessionCache === 'tracked') await eventually(() => redis.ready);
    near.onModuleInit();
    truth.start();
    return process;
  }

  /** Resolves when it has a lease. */
  async ready(): Promise<this> {
    await eventually(() => this.truth.ready);
    return this;
  }

  /** Another generation for the same servers, of which this process knows: it has no lease for one lease. */
  async newGeneration(): Promise<void> {
    await this.db.query('UPDATE generation SET generation = gen_random_uuid()');
    // A heartbeat that was not answered in time has told nothing.
    await eventually(async () => {
      await this.truth.kick();
      return this.truth.held === null;
    });
  }

  async stop(): Promise<void> {
    this.near.onModuleDestroy();
    await this.truth.onModuleDestroy();
    this.redis.onModuleDestroy();
    await this.db.destroy();
  }

  /** A user with an apitoken, straight in the tables. */
  async createUser(roles: readonly string[] = []): Promise<{ userid: string; apitokenId: string }> {
    const userid = randomUUID();
    const apitokenId = makeToken().id;
    await this.db.query('INSERT INTO users (userid, username) VALUES ($1, $2)', [userid, `u${userid.slice(0, 8)}`]);
    await this.db.query(`INSERT INTO apitokens (id, userid, name, secret_hash) VALUES ($1, $2, 'first', 'x')`, [
      apitokenId,
      userid,
    ]);
    for (const role of roles) {
      await this.db.query('INSERT INTO user_roles (userid, role) VALUES ($1, $2)', [userid, role]);
    }
    return { userid, apitokenId };
  }

  /** The epoch as a login reads it. */
  async epochOf(userid: string): Promise<string> {
    return (await this.authority.ask(userid, null))!.authority.epoch;
  }

  /** A session as a login opens it. */
  async open(user: { userid: string; apitokenId: string }, more: Partial<Opening> = {}): Promise<OpenedSession> {
    const epoch = more.epoch ?? (await this.epochOf(user.userid));
    const opening = { mode: 'token', isApp: false, deviceName: null, notAfter: null, authTime: null } as const;
    return this.sessions.open({ ...opening, ...user, ...more, epoch }, CLIENT);
  }

  /** So many sessions of one user, each made in a later millisecond: of two in the same one neither is the older. */
  async openInTurn(user: { userid: string; apitokenId: string }, count: number): Promise<OpenedSession[]> {
    const other = await this.createUser();
    const opened: OpenedSession[] = [];
    while (opened.length < count) {
      const last = await this.open(user);
      opened.push(last);
      await eventually(async () => (await this.open(other)).session.createdAt > last.session.createdAt);
    }
    return opened;
  }

  /** Whether the session is honoured here, now. */
  async honours({ session, accesstoken }: OpenedSession): Promise<boolean> {
    return (await this.sessions.authenticate(session.userid, accesstoken)) !== null;
  }

  /** Makes sure that the copy of the user's authority stands in Redis. */
  async warm(opened: OpenedSession): Promise<void> {
    if (!(await this.honours(opened))) throw new Error('the session is not honoured');
    const key = AuthorityService.key(opened.session.userid, this.truth.begin().generation);
    if (!Array.isArray(await this.redis.at(key).store.get(key))) throw new Error('there is no copy');
  }
}

/** The caller that a session makes. */
export function principalOf({ session }: OpenedSession, roles: readonly string[] = ['user']): Principal {
  return { userid: session.userid, username: 'somebody', roles, mode: session.mode, session };
}
