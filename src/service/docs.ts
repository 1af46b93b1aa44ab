import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import type { RouteOptions } from 'fastify';
import { overrideHeaders } from '../configure-app.js';
import { describeApi } from '../openapi.js';

const PATH = '/docs';

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
  app.getHttpAdapter().getInstance().addHook('onRoute', neverStored);
  // Made now and not at the first request, which everybody else would have to wait for.
  SwaggerModule.setup(PATH, app, describeApi(app), {
    customSiteTitle: 'Postern API',
    jsonDocumentUrl: 'openapi.json',
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

/** What serves the files says `public` of them; every answer of the service is `no-store`. */
function neverStored(route: RouteOptions): void {
  if (!isDocs(route.url)) return;
  route.onSend = [
    ...[route.onSend ?? []].flat(),
    (_request, reply, _payload, done) => {
      reply.header('cache-control', 'no-store');
      done();
    },
  ];
}

/** Runs in the browser, where it is sent as text: headers and cookie at once would be ambiguous (400). */
const omitCookies = (request: { headers: Record<string, string>; credentials?: string }) => {
  if (request.headers['Authorization'] || request.headers['X-User-Id']) request.credentials = 'omit';
  return request;
};
