import type { INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { addProblems, problemExamples, problemsOf } from './service/common-problems.js';
import { plainSchemas } from './service/plain-schemas.js';
import { routeAccess, type RouteAccess } from './service/route-access.js';

type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['get']>;
type SecurityRequirement = NonNullable<Operation['security']>[number];

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

const DESCRIPTION = `Sign-up, login, sessions, roles and private areas.

**How it works.** An account has a *username*, a *password* and up to 50 *apitokens*, long-lived secrets that stand
beside username and password at login and open nothing alone. A login makes a session and gives its *userid* and
*accesstoken*; every later call sends both. Browsers log in without an apitoken and keep the session in a cookie.

**Try it here.** Development prints the first admin and the first app account when it starts for the first time and
keeps them in \`credentials.env\` of its data folder.

1. \`POST /v1/auth/login\` as the app account: fill in its username, password and apitoken, and **Execute**.
2. Copy \`userid\` and \`accesstoken\` of the answer into **Authorize**, and press Authorize below each of the two.
3. \`POST /v1/users\` signs somebody up. Keep the \`apitoken\` of the answer: it is shown this once.
4. \`POST /v1/auth/login\` as the new user. In **Authorize**, log out of the old pair and put in the new one.
5. \`GET /v1/users/me\` says who you are, \`GET /v1/sessions\` where you are logged in, \`POST /v1/auth/logout\` ends it.

Or as a browser: \`POST /v1/auth/web/login\`, with nothing in **Authorize**. The cookie goes along by itself from then on;
once something is filled in there, no cookie is sent.

**Refusals** are \`application/problem+json\` (RFC 9457); \`code\` is what a program decides by. 503 \`unavailable\` says
that nothing has changed; after \`outcome_unknown\` ask before repeating. Every answer carries \`X-Request-Id\`.

**Proved lately** means: this session was opened, or its password proved again, within \`REAUTH_SECONDS\` (300).
\`POST /v1/auth/reauthenticate\` proves it again, and gives a new accesstoken to put into **Authorize**.`;

/** Once for all routes: what the names in their paths stand for. */
const PATH_PARAMETERS: Readonly<Record<string, { description: string; schema: object }>> = {
  userid: { description: 'The account', schema: { type: 'string', format: 'uuid' } },
  id: { description: 'The public id that the list shows', schema: { type: 'string', pattern: '^[0-9a-f]{32}$' } },
  username: { description: 'A username', schema: { type: 'string' } },
  name: { description: 'Its name', schema: { type: 'string', pattern: '^[a-z][a-z0-9_-]{1,31}$' } },
  role: { description: 'A role', schema: { type: 'string', pattern: '^[a-z][a-z0-9_-]{1,31}$' } },
};

const SPECIAL_HEADERS: Readonly<Record<string, readonly string[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

const HEADERS = {
  'X-Request-Id': { description: "The caller's own where it is one, else a new one", schema: { type: 'string' } },
  'Retry-After': { description: 'Seconds to wait; not with outcome_unknown', schema: { type: 'integer' } },
  'WWW-Authenticate': { description: 'Bearer realm="postern"', schema: { type: 'string' } },
} as const;

/** Both halves of token mode, always together. */
const TOKEN_MODE: SecurityRequirement = { userid: [], accesstoken: [] };
const COOKIE_MODE: SecurityRequirement = { cookie: [] };
const BASIC_MODE: SecurityRequirement = { basic: [] };

/** The service's description of itself, from what its routes declare. Takes an application that need not be running. */
export function describeApi(app: INestApplicationContext): OpenAPIObject {
  const document = SwaggerModule.createDocument(app as NestFastifyApplication, baseDocument(), { operationIdFactory });
  const routes = new Map(
    routeAccess(app.get(ModulesContainer)).map((route) => [keyOf(route.method, route.path), route]),
  );
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const route = routes.get(`${method} ${path}`);
      if (item[method] !== undefined && route !== undefined) complete(item[method], route);
    }
  }
  const components = { ...document.components, headers: HEADERS, examples: problemExamples() };
  return plainSchemas({ ...document, components, paths: sorted(document.paths) });
}

/** The text of `openapi.json`, in a form in which a change is easy to read. */
export function openApiText(document: OpenAPIObject): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

function baseDocument() {
  return (
    new DocumentBuilder()
      .setOpenAPIVersion('3.0.3')
      .setTitle('Postern')
      .setVersion('v1')
      .setDescription(DESCRIPTION)
      .addTag('Auth', 'Logging in and out, proving a password')
      .addTag('Users', 'Accounts')
      .addTag('Apitokens', 'The secrets beside username and password')
      .addTag('Sessions', 'Where somebody is logged in')
      .addTag('Roles', 'Names that routes ask for')
      .addTag('Areas', 'Private areas and who may enter them')
      .addTag('Audit', 'What happened')
      .addTag('Service', 'What the service says of itself')
      // Swagger UI shows them in this order, scrolled to the last.
      .addBasicAuth(
        { type: 'http', scheme: 'basic', description: 'Only where `BASIC_AUTH=true`, over HTTPS, for a few routes.' },
        'basic',
      )
      .addCookieAuth(
        '__Host-session',
        {
          type: 'apiKey',
          in: 'cookie',
          description: 'Set by web login and kept by the browser. **Leave this empty.**',
        },
        'cookie',
      )
      .addApiKey(
        {
          type: 'apiKey',
          in: 'header',
          name: 'X-User-Id',
          description: 'First half of token mode: the `userid` of the login. Authorize it **and** the accesstoken.',
        },
        'userid',
      )
      .addBearerAuth(
        {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'act_…',
          description: 'Second half of token mode: the `accesstoken` of the same login.',
        },
        'accesstoken',
      )
      .build()
  );
}

/** `SessionsController.endAll` → `sessionsEndAll`. */
function operationIdFactory(controller: string, method: string): string {
  const name = controller.replace(/Controller$/, '');
  return `${name[0]!.toLowerCase()}${name.slice(1)}${method[0]!.toUpperCase()}${method.slice(1)}`;
}

function keyOf(method: string, path: string): string {
  return `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`;
}

function complete(operation: Operation, route: RouteAccess): void {
  operation.description = [operation.description, `Who: ${whoMayCall(route)}.`].filter(Boolean).join('\n\n');
  operation.security = securityOf(route);
  // Where a route of one controller belongs under another heading, that one comes last.
  operation.tags = operation.tags?.slice(-1);
  addProblems(operation, problemsOf(operation, route));
  for (const [status, response] of Object.entries(operation.responses)) {
    if (response && !('$ref' in response)) response.headers = { ...response.headers, ...headersOf(status) };
  }
  for (const parameter of operation.parameters ?? []) {
    if (!('in' in parameter) || parameter.in !== 'path') continue;
    const known = PATH_PARAMETERS[parameter.name];
    if (known !== undefined)
      Object.assign(parameter, { description: known.description, ...parameter, schema: known.schema });
  }
}

function headersOf(status: string): Record<string, { $ref: string }> {
  const names = [...(SPECIAL_HEADERS[status] ?? []), 'X-Request-Id'];
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Basic reaches a route that does not say otherwise. */
function securityOf({ isPublic, sessionOnly, fresh }: RouteAccess): SecurityRequirement[] {
  if (isPublic) return [];
  return sessionOnly || fresh ? [TOKEN_MODE, COOKIE_MODE] : [TOKEN_MODE, COOKIE_MODE, BASIC_MODE];
}

function whoMayCall({ isPublic, anyUser, roles, area, fresh, appMayCall }: RouteAccess): string {
  if (isPublic) return 'anybody; credentials are not looked at';
  const who = [
    ...(roles.length > 0 ? [`accounts with role ${roles.join(' or ')}`] : []),
    ...(area === null ? [] : [area.startsWith(':') ? 'whoever may enter that area' : `whoever may enter area ${area}`]),
    ...(anyUser && roles.length === 0
      ? [appMayCall ? 'every account, app accounts too' : 'every account but app accounts']
      : []),
  ].join(', ');
  return `${who}${fresh ? ', with their password proved lately' : ''}`;
}

function sorted(paths: OpenAPIObject['paths']): OpenAPIObject['paths'] {
  return Object.fromEntries(Object.entries(paths).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
