import { SetMetadata, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Principal } from './principal.js';

/** Keys under which the guards find what a route declares. */
export const ACCESS = {
  public: 'access:public',
  user: 'access:user',
  roles: 'access:roles',
  area: 'access:area',
  fresh: 'access:fresh',
  app: 'access:app',
  sessionOnly: 'access:session-only',
} as const;

/** Anybody; credentials are not looked at. */
export const Public = () => SetMetadata(ACCESS.public, true);

/** Any account without role `app`. Every route declares its access; this is the plain one. */
export const AnyUser = () => SetMetadata(ACCESS.user, true);

/** Accounts that hold at least one of these roles. */
export const Roles = (...roles: [string, ...string[]]) => SetMetadata(ACCESS.roles, roles);

/**
 * Accounts that are on the private area's list, by username or by role. `name`, or `:param` to take the
 * area's name from that path parameter.
 */
export const PrivateArea = (name: string) => SetMetadata(ACCESS.area, name);

/** The session proved its password at most `REAUTH_SECONDS` ago. */
export const Fresh = () => SetMetadata(ACCESS.fresh, true);

/** An app account's session reaches this route too (it reaches no other). */
export const AppMayCall = () => SetMetadata(ACCESS.app, true);

/** Needs a session: mode `basic` is refused (403). */
export const SessionOnly = () => SetMetadata(ACCESS.sessionOnly, true);

/** A request after the guards. */
export type AuthenticatedRequest = FastifyRequest & { principal: Principal };

/** The `Principal` of the call, as a handler's parameter. */
export const CurrentUser = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Principal =>
    context.switchToHttp().getRequest<AuthenticatedRequest>().principal,
);
