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
  ownPages: 'access:own-pages',
  forwardAuth: 'access:forward-auth',
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

/** Beside `@Public`, on what gives a browser a session: other sites' pages are refused (403 `csrf`). */
export const OwnPagesOnly = () => SetMetadata(ACCESS.ownPages, true);

/**
 * A proxy asks here whether to let another request pass. Under a cookie it is held to that request's method, where a
 * proxy of `TRUST_PROXY` names it: what would change something must come from our own pages.
 */
export const ForwardAuth = () => SetMetadata(ACCESS.forwardAuth, true);

/** A request after the guards. */
export type AuthenticatedRequest = FastifyRequest & { principal: Principal };

/** The `Principal` of the call, as a handler's parameter. */
export const CurrentUser = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Principal =>
    context.switchToHttp().getRequest<AuthenticatedRequest>().principal,
);
