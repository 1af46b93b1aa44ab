import * as http from 'node:http';
import * as https from 'node:https';

/** One call of a stream. */
export interface Call {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came of a stream: how many of each status, or of each error of the connection. */
export type Outcome = Readonly<Record<string, number>>;

/**
 * Calls the service without a pause on `lanes` kept connections, `calls` in turn, until `end`.
 * @param ca the certificate of an https one that signed it itself
 */
export class Load {
  private readonly outcome: Record<string, number> = {};
  private readonly agents: http.Agent[] = [];
  private readonly running: Promise<void>[];
  private ended = false;

  constructor(
    private readonly url: string,
    calls: readonly Call[],
    private readonly ca?: string,
    lanes = 4,
  ) {
    this.running = Array.from({ length: lanes }, (_, lane) => this.run(calls, lane));
  }

  /** How many were answered so far, in whatever way. */
  get count(): number {
    return Object.values(this.outcome).reduce((sum, count) => sum + count, 0);
  }

  /** Ends it and gives what came of every call. */
  async end(): Promise<Outcome> {
    this.ended = true;
    await Promise.all(this.running);
    for (const agent of this.agents) agent.destroy();
    return this.outcome;
  }

  private async run(calls: readonly Call[], lane: number): Promise<void> {
    const { Agent, request } = this.url.startsWith('https:') ? https : http;
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ...(this.ca === undefined ? {} : { ca: this.ca }) });
    this.agents.push(agent);
    for (let turn = lane; !this.ended; turn += 1) {
      const { method = 'GET', path, headers = {} } = calls[turn % calls.length]!;
      const result = await new Promise<string>((resolve) => {
        const call = request(`${this.url}${path}`, { agent, method, headers: { ...headers } });
        call.once('error', (error: NodeJS.ErrnoException) => resolve(`${method} ${error.code ?? error.message}`));
        call.once('response', (response) => {
          response.resume();
          response.once('error', () => resolve(`${method} cut`));
          response.once('end', () => resolve(String(response.statusCode)));
        });
        call.end();
      });
      this.outcome[result] = (this.outcome[result] ?? 0) + 1;
    }
  }
}
