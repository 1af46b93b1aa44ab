import { request } from 'node:https';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';
import { createTestRedis, type TestRedis } from '../setup/test-redis.js';
import { adminLogin, type TokenLogin } from './client.js';
import { FIRST_ACCOUNTS_ENV } from './first-accounts.js';
import { send, type Reply } from './haproxy-client.js';
import { bothServe, startHaproxy, type Haproxy } from './haproxy.js';
import type { Call } from './load.js';
import { freePort } from './ports.js';
import { processEnv, startService, type ServiceProcess } from './service-process.js';

/** Two processes of the service behind the real HAProxy, on a database and a Redis of their own, and an admin's session. */
export class BehindHaproxy {
  readonly services: ServiceProcess[] = [];
  haproxy!: Haproxy;
  as!: TokenLogin;
  /** The headers of a call in that session. */
  credentials!: Record<string, string>;

  private constructor(
    readonly database: TestDatabase,
    private readonly redis: TestRedis,
    private readonly ports: readonly [number, number],
  ) {}

  static async start(): Promise<BehindHaproxy> {
    const ports = [await freePort(), await freePort()] as const;
    const pair = new BehindHaproxy(await createTestDatabase(), await createTestRedis(), ports);
    for (const index of [0, 1]) await pair.startProcess(index);
    pair.haproxy = await startHaproxy({ processes: pair.addresses });
    await pair.logIn();
    return pair;
  }

  /** `127.0.0.1:3001` of each. */
  get addresses(): [string, string] {
    return [`127.0.0.1:${this.ports[0]}`, `127.0.0.1:${this.ports[1]}`];
  }

  /** Starts one, or again one that has ended, on its port; resolves when it is ready. */
  async startProcess(index: number): Promise<void> {
    const where = {
      DATABASE_URL: this.database.url,
      REDIS_URL: this.redis.url,
      PORT: String(this.ports[index]),
      TRUTH_LEASE_MS: '10000',
    };
    const service = await startService(processEnv({ ...where, ...FIRST_ACCOUNTS_ENV, DRAIN_SECONDS: '1' }));
    this.services[index] = service;
    await service.ready();
  }

  async logIn(): Promise<void> {
    this.as = await adminLogin(this.services[0]!.url);
    this.credentials = { 'x-user-id': this.as.userid, authorization: `Bearer ${this.as.accesstoken}` };
  }

  /** One call through the proxy, on a connection of its own. */
  ask(path: string, { method = 'GET', headers = {} }: Partial<Call> = {}, body?: string): Promise<Reply> {
    const { certificate: ca, httpsPort: port } = this.haproxy;
    return send(request({ host: '127.0.0.1', port, path, method, headers, ca, agent: false }), body);
  }

  bothServe(): Promise<void> {
    return bothServe(this.haproxy);
  }

  async stop(): Promise<void> {
    await this.haproxy.stop();
    for (const service of this.services) await service.end('SIGKILL');
    await this.redis.stop();
    await this.database.drop();
  }
}
