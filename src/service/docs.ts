import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import type { preHandlerHookHandler, RouteOptions } from 'fastify';
import { Problem } from '../common/problem.js';
import { checkNoBody, checkQuery, errorsIn } from '../common/validation.js';
import { overrideHeaders } from '../configure-app.js';
import { describeApi } from '../openapi.js';

const PATH = '/docs';
const DESCRIPTION = '/openapi.json';

/** The page and what it loads; the package that they come in has more, pages of its own among it. */
const SERVED = new Set([
  DESCRIPTION,
  PATH,
  ...['swagger-ui.css', 'swagger-ui-bundle.js', 'swagger-ui-standalone-preset.js', 'swagger-ui-init.js'].map(underPath),
  ...['favicon-16x16.png', 'favicon-32x32.png'].map(underPath),
]);

/** Everything from here; Swagger UI has its styles in the page and its icons in the styles. */
const CONTENT_SECURITY_POLICY = [
  `default-src 'none'`,
  `script-src 'self'`,
  `style-src 'self' 'unsafe-inline'`,
  `img-src 'self' data:`,
  `connect-src 'self'`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join('; ');

/**
 * `GET /docs`, Swagger UI with all it needs from this server, and `GET /openapi.json`. Public, and only there where
 * `SWAGGER_UI` says so. To be called before the application is initialised.
 */
export function serveDocs(app: NestFastifyApplication): void {
  overrideHeaders(app, { matches: isDocs, headers: { 'content-security-policy': CONTENT_SECURITY_POLICY } });
  app.getHttpAdapter().getInstance().addHook('onRoute', prepareRoute);
  // Made now and not at the first request, which everybody else would have to wait for.
  SwaggerModule.setup(PATH, app, describeApi(app), {
    customSiteTitle: 'Postern API',
    jsonDocumentUrl: DESCRIPTION,
    raw: ['json'],
    swaggerOptions: {
      requestInterceptor: omitCookies,
      validatorUrl: null,
      tryItOutEnabled: true,
      displayRequestDuration: true,
    },
  });
}

function isDocs(path: string): boolean {
  return path === PATH || path.startsWith(`${PATH}/`);
}

function underPath(file: string): string {
  return `${PATH}/${file}`;
}

/**
 * These routes are no controller's: unknown paths and parameters are refused here. What serves the files says `public`
 * of them; every answer of the service is `no-store`.
 */
function prepareRoute(route: RouteOptions): void {
  if (!isDocs(route.url) && route.url !== DESCRIPTION) return;
  route.preHandler = [refuseOthers, ...[route.preHandler ?? []].flat()];
  route.onSend = [
    ...[route.onSend ?? []].flat(),
    (_request, reply, _payload, done) => {
      reply.header('cache-control', 'no-store');
      done();
    },
  ];
}

const refuseOthers: preHandlerHookHandler = (request, _reply, done) => {
  if (!SERVED.has(request.url.split('?', 1)[0]!)) throw new Problem('not_found');
  const errors = errorsIn(checkNoBody(request.body), checkQuery(undefined, request.query as Record<string, unknown>));
  if (errors.length > 0) throw new Problem('invalid_request', { errors });
  done();
};

/** Runs in the browser, where it is sent as text: headers and cookie at once would be ambiguous (400). */
const omitCookies = (request: { headers: Record<string, string>; credentials?: string }) => {
  if (request.headers['Authorization'] || request.headers['X-User-Id']) request.credentials = 'omit';
  return request;
};
