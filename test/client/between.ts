import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newSource } from '../support/client.js';

/**
 * What happens to one request: nothing, it is lost on its way, its answer is lost, or it is answered here; `hold` lets
 * its answer wait for something.
 */
export type Fate = 'passes' | 'request lost' | 'answer lost' | Canned | { readonly hold: Promise<unknown> };

export interface Canned {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

/** A real server in front of the service, in whose hands answers go astray. */
export interface Between {
  readonly url: string;
  /** The requests that arrived, such as `GET /v1/users/me`. */
  readonly seen: string[];
  /** Their headers. */
  readonly headers: IncomingMessage['headers'][];
  /** What happens to the next requests to `route`, in turn; those after them pass. */
  next(route: string, ...fates: Fate[]): void;
  close(): Promise<void>;
}

/** `service`: where requests go on to; each such server is a source of its own. */
export async function standBetween(service: string): Promise<Between> {
  const fates = new Map<string, Fate[]>();
  const seen: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const source = newSource();
  const server = createServer((request, response) => {
    const route = `${request.method} ${request.url!.split('?')[0]}`;
    seen.push(route);
    headers.push(request.headers);
    const fate = fates.get(route)?.shift();
    serve(service, source, request, response, fate).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    headers,
    next: (route, ...more) => void fates.set(route, more),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  service: string,
  source: string,
  request: IncomingMessage,
  response: ServerResponse,
  fate: Fate | undefined,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (fate === 'request lost') return void request.socket.destroy();
  if (typeof fate === 'object' && 'status' in fate) {
    response.writeHead(fate.status, fate.headers).end(fate.body);
    return;
  }
  const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers;
  const answer = await fetch(`${service}${request.url}`, {
    method: request.method,
    headers: { ...(headers as Record<string, string>), 'x-forwarded-for': source },
    body: chunks.length === 0 ? undefined : Buffer.concat(chunks),
  });
  const body = Buffer.from(await answer.arrayBuffer());
  if (typeof fate === 'object') await fate.hold;
  if (fate === 'answer lost') return void request.socket.destroy();
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(body);
}
