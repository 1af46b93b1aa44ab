import { FastifyAdapter } from '@nestjs/platform-fastify';
import { fastify, type FastifyInstance, type onSendHookHandler, type RouteOptions } from 'fastify';
import { Problem } from '../common/problem.js';
import type { Config } from '../config/config.js';
import { keepDeadlines } from './deadline.js';
import { frontDoor, type FrontDoor } from './front-door.js';
import { BODY_LIMIT, readBody } from './json-body.js';
import { requestIdOf } from './request-id.js';
import { faultOf, MAX_TARGET_LENGTH } from './request-target.js';
import { RouteTable } from './route-table.js';
import { answerError, sendProblem } from './send-problem.js';
import { createServer, endConnections } from './server.js';
import { proxyList } from './source-address.js';

/**
 * Fastify as the contract wants it, under Nest's adapter. Error handling, the 404 and the body are ours;
 * what Nest would register for them is not.
 */
export class HttpAdapter extends FastifyAdapter {
  constructor(
    instance: FastifyInstance,
    readonly door: FrontDoor,
  ) {
    super(instance as never);
  }

  /** Nest's JSON and form parsers stay out: `readBody` is the only one. */
  override registerParserMiddleware(): void {}

  override setErrorHandler(): ReturnType<FastifyAdapter['setErrorHandler']> {
    return this.getInstance();
  }

  override setNotFoundHandler(): ReturnType<FastifyAdapter['setNotFoundHandler']> {
    return this.getInstance();
  }
}

/**
 * The HTTP layer of the service, with everything that does not need Nest. `configureApp` does the rest.
 */
export function createAdapter(config: Config): HttpAdapter {
  // eslint-disable-next-line prefer-const -- set below, asked for when the first request is in
  let door: FrontDoor | undefined;
  const instance: FastifyInstance = fastify({
    serverFactory: (handler) => createServer(handler, () => door!),
    // Every server has its own, see `createServer`.
    clientErrorHandler: () => {},
    trustProxy: config.trustProxy.length > 0 ? [...config.trustProxy] : false,
    bodyLimit: BODY_LIMIT,
    // Requests that come in while the server closes are served: a rolling restart fails none.
    return503OnClosing: false,
    genReqId: (raw) => requestIdOf(raw.headers),
    requestIdHeader: false,
    exposeHeadRoutes: true,
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, maxParamLength: MAX_TARGET_LENGTH },
    rewriteUrl: ({ url }) => routable(url!),
    frameworkErrors: (error, _request, reply) => answerError(error, reply),
  });
  door = {
    routes: new RouteTable(instance),
    webOrigins: new Set(config.webOrigins),
    overrides: [],
    proxies: proxyList(config.trustProxy),
  };
  instance.removeAllContentTypeParsers();
  for (const method of instance.supportedMethods) {
    instance.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  }
  instance.addHook('onRoute', prepareRoute);
  instance.decorateRequest('arrivedAt', 0);
  instance.addHook('onRequest', frontDoor(door));
  keepDeadlines(instance, config.truthLeaseMs);
  instance.addHook('preValidation', readBody);
  instance.addHook('preClose', (done) => {
    endConnections(instance.server);
    done();
  });
  instance.setErrorHandler((error, _request, reply) => answerError(error, reply));
  instance.setNotFoundHandler((_request, reply) => sendProblem(reply, new Problem('not_found')));
  return new HttpAdapter(instance, door);
}

/**
 * What the router would refuse before any hook has run is routed as `/`, for the front door to refuse: it looks
 * at the target as it was sent.
 */
function routable(target: string): string {
  return faultOf(target) === null ? target : '/';
}

function prepareRoute(route: RouteOptions): void {
  if (route.method === 'HEAD') {
    const others = [route.onSend ?? []].flat().filter(({ name }) => name !== 'headRouteOnSendHandler');
    route.onSend = [...others, sendHead] as onSendHookHandler[];
  }
}

/**
 * HEAD answers as its GET; the body Node leaves out. In place of Fastify's own hook for it, which says
 * `Content-Length: 0` with a 204 too.
 */
const sendHead: onSendHookHandler = (_request, reply, payload, done) => {
  const empty = payload === undefined || payload === null;
  if (empty && reply.statusCode !== 204 && reply.statusCode !== 304) reply.header('content-length', '0');
  done(null, payload);
};
