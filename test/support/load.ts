import * as http from 'node:http';
import * as https from 'node:https';

/** One call of a stream. */
export interface Call {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** What came of a call: its status, or the error of the connection with the method before it. */
export interface Result {
  readonly outcome: string;
  readonly text: string;
}

/** What came of a stream: how many of each status, or of each error of the connection. */
export type Outcome = Readonly<Record<string, number>>;

/** Twice what any request may take; then it counts as not answered. */
const TIMEOUT_MS = 10_000;

/**
 * One kept connection to the service, for one call after the other.
 * @param ca the certificate of an https one that signed it itself
 */
export class KeptConnection {
  private readonly agent: http.Agent;

  constructor(
    private readonly url: string,
    ca?: string,
  ) {
    const { Agent } = this.scheme;
    this.agent = new Agent({ keepAlive: true, maxSockets: 1, ...(ca === undefined ? {} : { ca }) });
  }

  call({ method = 'GET', path, headers = {}, body }: Call): Promise<Result> {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    return new Promise((resolve) => {
      const failed = (what: string) => resolve({ outcome: `${method} ${what}`, text: '' });
      const options = { agent: this.agent, method, headers: { ...headers, ...json }, timeout: TIMEOUT_MS };
      const call = this.scheme.request(`${this.url}${path}`, options);
      call.once('error', (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
      call.once('timeout', () => call.destroy(new Error('no answer')));
      call.once('response', (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.once('error', () => failed('cut'));
        response.once('end', () => resolve({ outcome: String(response.statusCode), text }));
      });
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  close(): void {
    this.agent.destroy();
  }

  private get scheme(): typeof http | typeof https {
    return this.url.startsWith('https:') ? https : http;
  }
}

/**
 * Calls the service without a pause on `lanes` kept connections, `calls` in turn, until `end`.
 * @param ca the certificate of an https one that signed it itself
 */
export class Load {
  private readonly outcome: Record<string, number> = {};
  private readonly running: Promise<void>[];
  private ended = false;

  constructor(url: string, calls: readonly Call[], ca?: string, lanes = 4) {
    this.running = Array.from({ length: lanes }, (_, lane) => this.run(new KeptConnection(url, ca), calls, lane));
  }

  /** How many were answered so far, in whatever way. */
  get count(): number {
    return Object.values(this.outcome).reduce((sum, count) => sum + count, 0);
  }

  /** Ends it and gives what came of every call. */
  async end(): Promise<Outcome> {
    this.ended = true;
    await Promise.all(this.running);
    return this.outcome;
  }

  private async run(connection: KeptConnection, calls: readonly Call[], lane: number): Promise<void> {
    for (let turn = lane; !this.ended; turn += 1) {
      const { outcome } = await connection.call(calls[turn % calls.length]!);
      this.outcome[outcome] = (this.outcome[outcome] ?? 0) + 1;
    }
    connection.close();
  }
}
