import { setTimeout as sleep } from 'node:timers/promises';
import { createUser, expectStatus, adminLogin, api, login, type TokenLogin } from '../support/client.js';
import { KeptConnection, type Call, type Result } from '../support/load.js';

/** Three calls that change nothing, then one that makes an area: a quarter POST. */
const READS: readonly (readonly [path: string, status: string])[] = [
  ['/v1/auth/check', '204'],
  ['/v1/users/me', '200'],
  ['/v1/auth/check', '204'],
];

/** What was asked of the service, and what it said. */
export interface Tally {
  readonly asked: { GET: number; POST: number };
  readonly failed: { GET: number; POST: number };
  /** How many of each, as `POST 503 outcome_unknown`. */
  readonly failures: Record<string, number>;
  /** The areas that were made, by the answer. */
  readonly made: Set<string>;
  /** Those that the answer says were not. */
  readonly refused: Set<string>;
}

export interface CrowdOptions {
  readonly url: string;
  /** The one of `url`, which signed it itself. */
  readonly certificate: string;
  readonly callers: number;
  /** After each answer, in ms. */
  readonly pauseMs: number;
}

/** Many callers, each an admin with a session and a kept connection of its own. */
export class Crowd {
  readonly tally: Tally = {
    asked: { GET: 0, POST: 0 },
    failed: { GET: 0, POST: 0 },
    failures: {},
    made: new Set(),
    refused: new Set(),
  };
  private ended = false;
  private readonly running: Promise<void>[];

  private constructor(
    sessions: readonly TokenLogin[],
    private readonly options: CrowdOptions,
  ) {
    this.running = sessions.map((as, at) => this.run(as, `area-of-${at}`));
  }

  /** @param serviceUrl where the accounts are made */
  static async start(serviceUrl: string, options: CrowdOptions): Promise<Crowd> {
    const admin = await adminLogin(serviceUrl);
    const sessions: TokenLogin[] = [];
    for (let at = 0; at < options.callers; at += 1) sessions.push(await newAdmin(serviceUrl, admin));
    return new Crowd(sessions, options);
  }

  /** How many requests were answered so far, in whatever way. */
  get count(): number {
    return this.tally.asked.GET + this.tally.asked.POST;
  }

  /** Resolves when the last ones are answered. */
  async end(): Promise<void> {
    this.ended = true;
    await Promise.all(this.running);
  }

  private async run({ userid, accesstoken }: TokenLogin, name: string): Promise<void> {
    const { url, certificate, pauseMs } = this.options;
    const connection = new KeptConnection(url, certificate);
    const headers = { 'x-user-id': userid, authorization: `Bearer ${accesstoken}` };
    const ask = async (method: 'GET' | 'POST', wanted: string, call: Call, area?: string) => {
      this.note(method, wanted, await connection.call({ method, headers, ...call }), area);
      if (pauseMs > 0) await sleep(pauseMs);
    };
    for (let turn = 0; !this.ended; turn += 1) {
      for (const [path, status] of READS) await ask('GET', status, { path });
      const area = `${name}-${turn}`;
      await ask('POST', '201', { path: '/v1/areas', body: { name: area, description: '' } }, area);
    }
    connection.close();
  }

  private note(method: 'GET' | 'POST', wanted: string, { outcome, text }: Result, area?: string): void {
    this.tally.asked[method] += 1;
    if (outcome === wanted) {
      if (area !== undefined) this.tally.made.add(area);
      return;
    }
    const code = /"code":"(\w+)"/.exec(text)?.[1];
    if (area !== undefined && code === 'unavailable') this.tally.refused.add(area);
    this.tally.failed[method] += 1;
    const what = [method, outcome.replace(`${method} `, ''), code].filter((word) => word !== undefined).join(' ');
    this.tally.failures[what] = (this.tally.failures[what] ?? 0) + 1;
  }
}

async function newAdmin(url: string, admin: TokenLogin): Promise<TokenLogin> {
  const user = await createUser(url);
  const granted = await api(url).put(`/v1/users/${user.userid}/roles/admin`, undefined, { as: admin });
  expectStatus(granted, 204);
  return login(url, user);
}
