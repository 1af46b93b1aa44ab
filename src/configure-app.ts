import { ModuleRef } from '@nestjs/core';
import { UnknownElementException } from '@nestjs/core/errors/exceptions/unknown-element.exception.js';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ProblemFilter } from './common/problem.filter.js';
import type { Config } from './config/config.js';
import { HttpAdapter } from './http/adapter.js';
import { LEAKED_CREDENTIALS, type LeakedCredentialHandler } from './http/credentials-in-url.js';
import type { RawRefusal } from './http/front-door.js';
import { InputGuard, PASSWORD_RULES, type PasswordRules } from './http/input.guard.js';
import type { HeaderOverride } from './http/response-headers.js';

export { createAdapter } from './http/adapter.js';

/**
 * What main and the tests do alike to an application that was created on `createAdapter(config)`: the problem
 * filter, the input guard behind every `APP_GUARD`, and the handler of credentials in a URL; guard and handler
 * with what a module provides as `PASSWORD_RULES` and `LEAKED_CREDENTIALS`. To be called once, before `init` or `listen`.
 */
export function configureApp(app: NestFastifyApplication, _config: Config): void {
  app.useGlobalFilters(new ProblemFilter());
  app.useGlobalGuards(new InputGuard(provided<PasswordRules>(app, PASSWORD_RULES)));
  adapterOf(app).door.leakedCredentials = provided<LeakedCredentialHandler>(app, LEAKED_CREDENTIALS);
}

/**
 * Gives the answers of some paths other headers than the standard ones, as pages and /docs need them for
 * their content security policy. The first override that matches counts.
 */
export function overrideHeaders(app: NestFastifyApplication, override: HeaderOverride): void {
  adapterOf(app).door.overrides.push(override);
}

/** Has the listener told of every refusal that no hook sees: the HTTP parser's, and of CONNECT. */
export function onRawRefusal(app: NestFastifyApplication, listener: (refusal: RawRefusal) => void): void {
  adapterOf(app).door.onRawRefusal = listener;
}

function adapterOf(app: NestFastifyApplication): HttpAdapter {
  const adapter: unknown = app.getHttpAdapter();
  if (!(adapter instanceof HttpAdapter)) throw new Error('the application must be made on createAdapter(config)');
  return adapter;
}

/** Asked of a `ModuleRef`, because Nest ends the process where `app.get` finds nothing. */
function provided<T>(app: NestFastifyApplication, key: symbol): T | undefined {
  try {
    return app.get(ModuleRef).get<T>(key, { strict: false });
  } catch (error) {
    if (error instanceof UnknownElementException) return undefined;
    throw error;
  }
}
