import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Registry } from 'prom-client';
import type { Logger } from 'pino';
import { Problem, problemBody } from '../common/problem.js';
import { requestIdOf } from '../http/request-id.js';
import { standardHeaders } from '../http/response-headers.js';
import { problemHeaders } from '../http/send-problem.js';

const METHODS = ['GET', 'HEAD'];

export interface MetricsServer {
  stop(): Promise<void>;
}

/**
 * Answers `GET /metrics` on a port of its own, which nobody but the operator may reach, and anything else with a problem.
 * @param text what is answered; where it cannot be had the answer is 503 `unavailable`
 * @throws the error of `listen`.
 */
export async function serveMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  text: () => Promise<string>,
  logger: Logger,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    request.resume();
    const id = requestIdOf(request.headers);
    for (const [name, value] of Object.entries(standardHeaders(false))) response.setHeader(name, value);
    response.setHeader('x-request-id', id);
    const problem = problemOf(request);
    if (problem !== null) return refuse(response, problem, id);
    text().then(
      (metrics) => response.writeHead(200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE }).end(metrics),
      (error: unknown) => {
        logger.warn({ err: error }, 'the metrics cannot be told');
        refuse(response, new Problem('unavailable'), id);
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

function problemOf({ url, method }: IncomingMessage): Problem | null {
  if (url !== '/metrics') return new Problem('not_found');
  return METHODS.includes(method!) ? null : new Problem('method_not_allowed', { allow: METHODS });
}

function refuse(response: ServerResponse, problem: Problem, id: string): void {
  response.writeHead(problem.status, problemHeaders(problem)).end(JSON.stringify(problemBody(problem, id)));
}
