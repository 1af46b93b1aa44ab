import { createServer } from 'node:http';
import { Registry } from 'prom-client';
import type { Logger } from 'pino';

export interface MetricsServer {
  stop(): Promise<void>;
}

/**
 * Answers `GET /metrics` on a port of its own, which nobody but the operator may reach.
 * @param text what is answered; where it cannot be had the answer is 503
 * @throws the error of `listen`.
 */
export async function serveMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  text: () => Promise<string>,
  logger: Logger,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    request.resume();
    if (request.url !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      return void response.writeHead(404).end();
    }
    text().then(
      (metrics) => response.writeHead(200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE }).end(metrics),
      (error: unknown) => {
        logger.warn({ err: error }, 'the metrics cannot be told');
        response.writeHead(503).end();
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { stop };
}
