import { randomUUID } from 'node:crypto';
import { Test, type TestingModule } from '@nestjs/testing';
import { TypeOrmModule, getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Principal } from '../../src/access/principal.js';
import { ApitokensService } from '../../src/apitokens/apitokens.service.js';
import { AuditService } from '../../src/audit/audit.service.js';
import { ensureGeneration } from '../../src/authority/generation.js';
import { TruthService } from '../../src/authority/truth.service.js';
import { Problem } from '../../src/common/problem.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { loadConfig } from '../../src/config/env.js';
import { dataSourceOptions } from '../../src/database/data-source.js';
import type { ClientInfo } from '../../src/http/client-info.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { RedisModule } from '../../src/redis/redis.module.js';
import { SessionsModule } from '../../src/sessions/sessions.module.js';
import { SessionsService, type OpenedSession } from '../../src/sessions/sessions.service.js';
import { SignupService } from '../../src/users/signup.service.js';
import { UsersModule } from '../../src/users/users.module.js';
import { UsersService } from '../../src/users/users.service.js';
import { createTestDatabase } from '../setup/test-database.js';

export const PASSWORD = 'correct horse battery staple';

/** An account with a session: what a handler gets. */
export interface Account {
  readonly userid: string;
  readonly apitokenId: string;
  readonly principal: Principal;
  readonly opened: OpenedSession;
}

/** The services of users and apitokens on a database of their own, sessions in Postgres. */
export class Accounts {
  private sources = 0;

  private constructor(
    private readonly module: TestingModule,
    private readonly dropDatabase: () => Promise<void>,
    readonly db: DataSource,
    readonly users: UsersService,
    readonly signup: SignupService,
    readonly apitokens: ApitokensService,
    readonly sessions: SessionsService,
    readonly hasher: PasswordHasher,
  ) {}

  static async start(env: Record<string, string> = {}): Promise<Accounts> {
    const { url, drop } = await createTestDatabase();
    // The longest lease: with sessions in Postgres nothing waits for it, and no busy machine loses it.
    const settings = {
      NODE_ENV: 'test',
      PASSWORD_ITERATIONS: '1000',
      SESSION_STORE: 'postgres',
      TRUTH_LEASE_MS: '10000',
    };
    const config = loadConfig({ ...settings, ...env });
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(config),
        TypeOrmModule.forRoot(dataSourceOptions(url)),
        RedisModule,
        UsersModule,
        SessionsModule,
      ],
    }).compile();
    await module.init();
    const db = module.get<DataSource>(getDataSourceToken(), { strict: false });
    await ensureGeneration(db, config.truthLeaseMs, config.sessionStore);
    const truth = module.get(TruthService, { strict: false });
    truth.start();
    while (!truth.ready) await truth.kick();
    const get = <T>(type: new (...parameters: never[]) => T): T => module.get<T>(type, { strict: false });
    return new Accounts(
      module,
      drop,
      db,
      get(UsersService),
      get(SignupService),
      get(ApitokensService),
      get(SessionsService),
      get(PasswordHasher),
    );
  }

  async close(): Promise<void> {
    await this.module.close();
    await this.dropDatabase();
  }

  /** A client at an address of its own, so that no limit of another test counts. */
  client(): ClientInfo {
    this.sources += 1;
    return { ip: `192.0.2.${this.sources}`, requestId: randomUUID(), userAgent: 'test', arrivedAt: performance.now() };
  }

  /** Makes an account with these roles beside `user`, and logs it in. */
  async account(username: string, ...roles: string[]): Promise<Account> {
    const userid = randomUUID();
    const user = { userid, username, passwordHash: 'none' };
    const apitokenId = await this.db.transaction(async (tx) => {
      await this.signup.insert(tx, user);
      for (const role of roles) await tx.query('INSERT INTO user_roles (userid, role) VALUES ($1, $2)', [userid, role]);
      return (await this.apitokens.insert(tx, userid, 'first', null)).id;
    });
    const opened = await this.openSession(userid, apitokenId);
    const { sid, epoch, authTime, absoluteEnd } = opened.session;
    const session = { sid, epoch, authTime, absoluteEnd, apitokenId, deviceName: null };
    const principal: Principal = { userid, username, roles: [...roles, 'user'].sort(), mode: 'token', session };
    return { userid, apitokenId, opened, principal };
  }

  /** Writes down a login as the doors do. */
  async logIn({ userid, apitokenId }: Account): Promise<void> {
    const audit = this.module.get(AuditService, { strict: false });
    await audit.recordLogin({ userid, apitokenId, client: this.client(), mode: 'token' });
  }

  /** A session under the user's epoch of now. */
  async openSession(userid: string, apitokenId: string): Promise<OpenedSession> {
    const [row]: { epoch: string }[] = await this.db.query(
      `SELECT g.world || '.' || u.epoch AS epoch FROM users u, generation g WHERE u.userid = $1`,
      [userid],
    );
    const kept = { notAfter: null, authTime: null, deviceName: null };
    const opening = { userid, mode: 'token', epoch: row!.epoch, apitokenId, isApp: false, ...kept } as const;
    return this.sessions.open(opening, this.client());
  }

  /** Whether a call with that session would be let in. */
  async isLoggedIn({ session, accesstoken }: OpenedSession): Promise<boolean> {
    return (await this.sessions.authenticate(session.userid, accesstoken)) !== null;
  }

  /**
   * Holds up every transaction before its audit row until `waiting` of them wait, there or for one another, and only
   * then lets them commit: the barrier of races. They are counted outside the transaction, in which the view stands still.
   */
  async heldUp<T>(waiting: number, start: () => Promise<T>): Promise<T> {
    const runner = this.db.createQueryRunner();
    await runner.startTransaction();
    await runner.query('LOCK TABLE audit IN EXCLUSIVE MODE');
    const work = start();
    const count = `SELECT count(*)::integer AS waiting FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    for (;;) {
      const [row] = await this.db.query<{ waiting: number }[]>(count);
      if (row!.waiting >= waiting) break;
    }
    await runner.commitTransaction();
    await runner.release();
    return work;
  }

  /** What the audit has of that action, oldest first. */
  async audited(action: string): Promise<{ actor: string | null; target: string | null; detail: object }[]> {
    return this.db.query('SELECT actor, target, detail FROM audit WHERE action = $1 ORDER BY id', [action]);
  }
}

/** The problem that `work` ends with. */
export async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const outcome = await work.then(
    () => 'no problem',
    (error: unknown) => error,
  );
  if (!(outcome instanceof Problem)) throw new Error('expected a problem', { cause: outcome });
  return outcome;
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  return (await problemOf(work)).code;
}
