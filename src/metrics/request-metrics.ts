import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Histogram, type Registry } from 'prom-client';

/** In seconds: a guarded call takes one to a few ms, a login some 200, and nothing over 5 s. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Asked four times a second, they would be most of what is counted. */
const PROBES = new Set(['/livez', '/readyz']);

type Labels = Record<'method' | 'route', string> & Record<'status', number>;

/** Counts every answered request by method, pattern of the route and status; nothing that a client made up is a label. */
export function measureRequests(app: NestFastifyApplication, registry: Registry): void {
  const duration = new Histogram({
    name: 'postern_http_request_duration_seconds',
    help: 'Answered requests, by the pattern of their route; those without a route have an empty one',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: [registry],
  });
  const labelsOf = labelCache();
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onResponse', (request, { statusCode, elapsedTime }, done) => {
      // Once: Fastify describes the route anew each time it is asked.
      const route = request.routeOptions.url ?? '';
      if (!PROBES.has(route)) duration.observe(labelsOf(route, request.method, statusCode), elapsedTime / 1000);
      done();
    });
}

/** Made once for each route, method and status, so that a request allocates none. */
function labelCache(): (route: string, method: string, status: number) => Labels {
  const known = new Map<string, Labels[]>();
  return (route, method, status) => {
    // Of a request without a route the method too is what the client made up.
    const verb = route === '' ? '' : method;
    let ofRoute = known.get(route);
    if (ofRoute === undefined) known.set(route, (ofRoute = []));
    for (const labels of ofRoute) if (labels.status === status && labels.method === verb) return labels;
    const labels = { method: verb, route, status };
    ofRoute.push(labels);
    return labels;
  };
}
