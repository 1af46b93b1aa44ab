import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

/** One request as it came in, and how it was answered. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  /** Whether the session cookie came with it. */
  readonly cookie: boolean;
  readonly fetchSite: string | undefined;
  readonly status: number;
}

/** Stands before the service and writes down what reaches it; a page that sends a request does not learn as much. */
export interface RecordingProxy {
  readonly port: number;
  /** What was answered since the last call, oldest first. */
  taken(): Recorded[];
  close(): Promise<void>;
}

/** Passes everything to 127.0.0.1:`target` as it is, on 127.0.0.1:`port`. */
export async function startRecordingProxy(port: number, target: number): Promise<RecordingProxy> {
  let records: Recorded[] = [];
  const server = createServer((incoming, outgoing) => {
    forward(incoming, outgoing, target, (status) => records.push(recordOf(incoming, status)));
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    taken: () => records.splice(0),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      records = [];
    },
  };
}

function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  port: number,
  answered: (status: number) => void,
): void {
  const { method, url: path, headers } = incoming;
  const onward = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (reply) => {
    answered(reply.statusCode!);
    outgoing.writeHead(reply.statusCode!, reply.headers);
    reply.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}

function recordOf({ method, url, headers }: IncomingMessage, status: number): Recorded {
  const cookie = headers.cookie?.includes('__Host-session=') ?? false;
  return { method: method!, path: url!, cookie, fetchSite: headers['sec-fetch-site'] as string | undefined, status };
}
