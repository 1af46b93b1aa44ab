import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { Principal } from '../../src/access/principal.js';
import { AreaListsService } from '../../src/areas/area-lists.service.js';
import { AreasService } from '../../src/areas/areas.service.js';
import type { AuditRow } from '../../src/audit/audit-event.js';
import { AuditQuery } from '../../src/audit/audit.dto.js';
import { AuditService } from '../../src/audit/audit.service.js';
import { AuthorityService } from '../../src/authority/authority.service.js';
import { ensureGeneration } from '../../src/authority/generation.js';
import { TruthProbe } from '../../src/authority/truth-probe.js';
import { TruthService } from '../../src/authority/truth.service.js';
import { Problem } from '../../src/common/problem.js';
import { Config } from '../../src/config/config.js';
import { createDataSource } from '../../src/database/data-source.js';
import type { ClientInfo } from '../../src/http/client-info.js';
import { RedisService } from '../../src/redis/redis.service.js';
import { RoleGrantsService } from '../../src/roles/role-grants.service.js';
import { RolesService } from '../../src/roles/roles.service.js';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';

/** The longest there is: with sessions in Postgres nothing waits for it, and no busy machine loses it. */
const LEASE_MS = 10_000;

export const CLIENT: ClientInfo = { ip: '192.0.2.7', requestId: 'test-request', userAgent: 'Jest', arrivedAt: 0 };

/** The services of roles, areas and audit on a migrated database of their own. */
export class RightsWorld {
  readonly audit: AuditService;
  readonly authority: AuthorityService;
  readonly roles: RolesService;
  readonly grants: RoleGrantsService;
  readonly areas: AreasService;
  readonly lists: AreaListsService;

  private constructor(
    readonly dataSource: DataSource,
    readonly truth: TruthService,
    redis: RedisService,
    private readonly database: TestDatabase,
  ) {
    this.audit = new AuditService(dataSource);
    this.authority = new AuthorityService(dataSource, redis, truth);
    this.roles = new RolesService(dataSource, this.authority, this.audit);
    this.grants = new RoleGrantsService(this.authority, this.audit);
    this.areas = new AreasService(dataSource, this.authority, truth, this.audit);
    this.lists = new AreaListsService(dataSource, this.authority, this.audit);
  }

  static async start(): Promise<RightsWorld> {
    const database = await createTestDatabase();
    const dataSource = await createDataSource(database.url).initialize();
    await ensureGeneration(dataSource, LEASE_MS, 'postgres');
    const config = Object.assign(new Config(), { sessionStore: 'postgres', truthLeaseMs: LEASE_MS });
    const redis = new RedisService(config);
    const truth = new TruthService(config, redis, new TruthProbe(config, redis, dataSource));
    truth.start();
    while (!truth.ready) await truth.kick();
    return new RightsWorld(dataSource, truth, redis, database);
  }

  async stop(): Promise<void> {
    await this.truth.onModuleDestroy();
    await this.dataSource.destroy();
    await this.database.drop();
  }

  /** A user with these roles, by default with a username of its own. */
  async user({
    roles = [],
    status = 'active',
    username = `u${randomUUID().slice(0, 8)}`,
  }: NewUser = {}): Promise<User> {
    const userid = randomUUID();
    const values = [userid, username, status];
    await this.dataSource.query('INSERT INTO users (userid, username, status) VALUES ($1, $2, $3)', values);
    for (const role of roles) {
      await this.dataSource.query('INSERT INTO user_roles (userid, role) VALUES ($1, $2)', [userid, role]);
    }
    return { userid, username };
  }

  /** Who acts as that user, by a session opened just now. */
  async session({ userid, username }: User): Promise<Principal> {
    const asked = await this.authority.ask(userid, null);
    const { epoch, roles } = asked!.authority;
    const times = { authTime: Date.now(), absoluteEnd: Date.now() + 60_000 };
    const session = { sid: randomUUID().replaceAll('-', ''), epoch, ...times, apitokenId: null, deviceName: null };
    return { userid, username, roles, mode: 'web', session };
  }

  /** An admin's session. */
  async admin(): Promise<Principal> {
    return this.session(await this.user({ roles: ['admin'] }));
  }

  /** Everything that the audit has of a user, newest first, as `action detail`. */
  async told(userid: string): Promise<string[]> {
    const rows: AuditRow[] = (await this.audit.list(AuditQuery.parse({ userid, limit: '100' }))).items;
    return rows.map(({ action, detail }) => `${action} ${JSON.stringify(detail)}`);
  }

  /**
   * Starts the works one after the other, each when the one before stands still: the first before its audit row, the
   * others behind its locks. Lets all go on when the last one waits; gives how each of them ended.
   */
  async race(...works: (() => Promise<unknown>)[]): Promise<string[]> {
    const runner = this.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query('LOCK TABLE audit IN SHARE MODE');
    const running: Promise<string>[] = [];
    try {
      for (const work of works) {
        running.push(outcome(work));
        await this.untilWaiting(running.length);
      }
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
    return Promise.all(running);
  }

  private async untilWaiting(count: number): Promise<void> {
    for (const deadline = Date.now() + 900; Date.now() < deadline;) {
      const [{ waiting }]: [{ waiting: number }] = await this.dataSource.query(
        `SELECT count(*)::int AS waiting FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      if (waiting === count) return;
    }
    throw new Error(`no ${count} transactions wait for one another`);
  }
}

interface NewUser {
  readonly roles?: readonly string[];
  readonly status?: 'active' | 'disabled' | 'deleted';
  readonly username?: string;
}

export interface User {
  readonly userid: string;
  readonly username: string;
}

/** `done`, or the code of the problem. */
export async function outcome(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}
