import { randomUUID } from 'node:crypto';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { ApitokensService } from '../../src/apitokens/apitokens.service.js';
import { AuthorityService } from '../../src/authority/authority.service.js';
import { TruthService } from '../../src/authority/truth.service.js';
import { createLogger } from '../../src/bootstrap/logger.js';
import { prepareDatabase } from '../../src/bootstrap/prepare-database.js';
import { serve, type Serving } from '../../src/bootstrap/serve.js';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/env.js';
import { SessionsService } from '../../src/sessions/sessions.service.js';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';

export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly requestId: string | null;
}

/** Calls the service as one user: `call('PUT /v1/…', body)`. */
export type Caller = ((route: string, body?: unknown) => Promise<Reply>) & { readonly userid: string };

/** The whole service, listening, and accounts that are logged in at it. */
export class RightsDoor {
  private constructor(
    readonly serving: Serving,
    private readonly database: TestDatabase,
  ) {}

  static async open(): Promise<RightsDoor> {
    const database = await createTestDatabase();
    const env = { NODE_ENV: 'test', PORT: '0', LOG_LEVEL: 'warn', SWAGGER_UI: 'false', DATABASE_URL: database.url };
    // The longest lease: with sessions in Postgres nothing waits for it, and no busy machine loses it.
    const config = loadConfig({ ...env, TRUTH_LEASE_MS: '10000' }) as Config & { databaseUrl: string };
    const logger = createLogger(config);
    await prepareDatabase(config, logger, () => Promise.resolve());
    const serving = await serve(config, logger, (reason) => {
      throw new Error(reason);
    });
    const truth = serving.app.get(TruthService);
    while (!truth.ready) await truth.kick();
    return new RightsDoor(serving, database);
  }

  async close(): Promise<void> {
    await this.serving.app.close();
    await this.database.drop();
  }

  /** A new user with these roles, logged in; `minutesAgo`: when the password was proved. */
  async login(username: string, roles: readonly string[] = [], minutesAgo = 0): Promise<Caller> {
    const { app } = this.serving;
    const dataSource = app.get<DataSource>(getDataSourceToken());
    const userid = randomUUID();
    await dataSource.query('INSERT INTO users (userid, username) VALUES ($1, $2)', [userid, username]);
    await dataSource.query('INSERT INTO user_roles (userid, role) SELECT $1, unnest($2::text[])', [userid, roles]);
    const { id } = await app.get(ApitokensService).insert(dataSource.manager, userid, 'test', null);
    const asked = await app.get(AuthorityService).ask(userid, null);
    const opening = { userid, mode: 'token', epoch: asked!.authority.epoch, apitokenId: id, isApp: false } as const;
    const authTime = Date.now() - minutesAgo * 60_000;
    const client = { ip: '192.0.2.7', requestId: 'test-request', userAgent: 'Jest', arrivedAt: 0 };
    const opened = await app
      .get(SessionsService)
      .open({ ...opening, deviceName: null, notAfter: null, authTime }, client);
    const headers = { 'x-user-id': userid, authorization: `Bearer ${opened.accesstoken}` };
    return Object.assign((route: string, body?: unknown) => this.call(route, headers, body), { userid });
  }

  private async call(route: string, headers: Record<string, string>, body: unknown): Promise<Reply> {
    const [method, path] = route.split(' ') as [string, string];
    const response = await fetch(new URL(path, this.serving.url), {
      method,
      ...(body === undefined
        ? { headers }
        : { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const requestId = response.headers.get('x-request-id');
    return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown), requestId };
  }
}

/** `204`, `200`, or `409 role_builtin`: what there is to an answer but its body. */
export function brief({ status, body }: Reply): string {
  const code = (body as { code?: string } | null)?.code;
  return code === undefined ? `${status}` : `${status} ${code}`;
}

/** The fields that a 422 names. */
export function refusedFields({ body }: Reply): string[] {
  return ((body as { errors?: { field: string }[] }).errors ?? []).map(({ field }) => field);
}
