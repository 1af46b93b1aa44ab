import { randomBytes, randomUUID } from 'node:crypto';
import { ApitokensService } from '../../src/apitokens/apitokens.service.js';
import { AuthorityService } from '../../src/authority/authority.service.js';
import { TruthService } from '../../src/authority/truth.service.js';
import { parseToken } from '../../src/common/secret-token.js';
import type { ClientInfo } from '../../src/http/client-info.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { SessionsService } from '../../src/sessions/sessions.service.js';
import { SignupService } from '../../src/users/signup.service.js';
import { createTestDatabase } from '../setup/test-database.js';
import { createTestRedis } from '../setup/test-redis.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/barrier.js';
import { FIRST_ADMIN } from '../support/first-accounts.js';
import { newSource, type TokenLogin, type User } from '../support/client.js';

export interface FleetOptions {
  readonly store?: 'redis' | 'postgres';
  /** Of both. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of the second beside or instead of that. */
  readonly secondEnv?: Readonly<Record<string, string>>;
}

/** Two of the service on one database and one session store, which behave as two processes do. */
export class Fleet {
  private constructor(
    readonly one: TestApp,
    readonly two: TestApp,
    readonly close: () => Promise<void>,
  ) {}

  static async start({ store = 'redis', env = {}, secondEnv = {} }: FleetOptions = {}): Promise<Fleet> {
    const services: { stop(): Promise<void> }[] = [];
    const stop = async () => {
      for (const service of services.reverse()) await service.stop();
    };
    try {
      const database = await createTestDatabase();
      services.push({ stop: () => database.drop() });
      const redis = store === 'redis' ? await createTestRedis() : undefined;
      if (redis !== undefined) services.push(redis);
      const shared = { databaseUrl: database.url, store, ...(redis === undefined ? {} : { redisUrl: redis.url }) };
      const start = async (own: Readonly<Record<string, string>>) => {
        const app = await startTestApp({ ...shared, env: { ...env, ...own } });
        services.push({ stop: () => app.close() });
        return app;
      };
      // At the same moment: each waits one lease before it serves.
      const [one, two] = await Promise.all([start({}), start(secondEnv)]);
      const fleet = new Fleet(one, two, stop);
      await fleet.ready();
      for (const { db } of fleet.both) {
        // Hundreds share the ten connections of each process; on a busy machine the last would be 503 after a second.
        const { master } = db.driver as unknown as { master: { options: { connectionTimeoutMillis: number } } };
        master.options.connectionTimeoutMillis = 4000;
      }
      return fleet;
    } catch (error) {
      await stop();
      throw error;
    }
  }

  /** Resolves when both have a lease. */
  async ready(): Promise<void> {
    await eventually(() => this.both.every((app) => app.get(TruthService).ready));
  }

  get both(): readonly TestApp[] {
    return [this.one, this.two];
  }

  /** Makes an account as a sign-up does, with these roles beside `user`, past the limits of sign-ups. */
  async user(...roles: readonly string[]): Promise<User> {
    const id = randomBytes(6).toString('hex');
    const user = { userid: randomUUID(), username: `user-${id}`, password: `garden ${id} swing` };
    const passwordHash = await this.one.get(PasswordHasher).hash(user.password, { lane: 'first' });
    return this.one.db.transaction(async (tx) => {
      await this.one.get(SignupService).insert(tx, { ...user, passwordHash });
      for (const role of roles) {
        await tx.query('INSERT INTO user_roles (userid, role) VALUES ($1, $2)', [user.userid, role]);
      }
      const { apitoken } = await this.one.get(ApitokensService).insert(tx, user.userid, 'first', null);
      return { ...user, apitoken };
    });
  }

  /** A fresh session such as a login opens now through `app`, past the limits of logins. */
  async session(app: TestApp, user: Pick<User, 'userid' | 'apitoken'>, isApp = false): Promise<TokenLogin> {
    const truth = await app.get(AuthorityService).ask(user.userid, null);
    const apitokenId = parseToken('apt', user.apitoken)!.id;
    const proven = { userid: user.userid, mode: 'token', epoch: truth!.authority.epoch, apitokenId, isApp } as const;
    const opening = { ...proven, deviceName: null, notAfter: null, authTime: null };
    const { accesstoken } = await app.get(SessionsService).open(opening, clientInfo());
    return { userid: user.userid, accesstoken };
  }

  /** A fresh session of the first admin. */
  async adminSession(app: TestApp): Promise<TokenLogin> {
    const [admin] = await app.db.query<{ userid: string }[]>('SELECT userid FROM users WHERE username = $1', [
      FIRST_ADMIN.username,
    ]);
    return this.session(app, { userid: admin!.userid, apitoken: FIRST_ADMIN.apitoken });
  }
}

function clientInfo(): ClientInfo {
  return { ip: newSource(), requestId: randomUUID(), userAgent: 'test', arrivedAt: performance.now() };
}

type Method = (...args: unknown[]) => unknown;

/** A barrier where many meet. */
export interface Meeting {
  /** Lets everybody go on, whoever is missing. */
  readonly release: () => void;
  /** The methods are as they were again. */
  readonly restore: () => void;
}

/**
 * Lets nobody go on from `target[method]`, of all the targets together, before `count` calls have come there: before
 * the method begins, or after it is done.
 */
export function meet<T extends object>(
  targets: readonly T[],
  method: keyof T & string,
  where: 'before' | 'after',
  count: number,
): Meeting {
  const together = Promise.withResolvers<void>();
  let arrived = 0;
  const arrive = async () => {
    arrived += 1;
    if (arrived >= count) together.resolve();
    await together.promise;
  };
  const all = targets as unknown as readonly Record<string, Method>[];
  for (const target of all) {
    const original = target[method]!;
    target[method] = async (...args: unknown[]) => {
      if (where === 'before') await arrive();
      const result = await original.apply(target, args);
      if (where === 'after') await arrive();
      return result;
    };
  }
  const restore = () => {
    for (const target of all) delete target[method];
  };
  return { release: together.resolve, restore };
}

/** How many there are of each. */
export function tally(values: readonly (string | number)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
