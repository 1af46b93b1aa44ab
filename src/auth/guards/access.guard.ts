import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import { ACCESS, type AuthenticatedRequest } from '../../access/decorators.js';
import type { Principal } from '../../access/principal.js';
import { AreasService } from '../../areas/areas.service.js';
import { Problem } from '../../common/problem.js';
import { Config } from '../../config/config.js';
import { asksForChange, isForeignPage, isOwnPage, isSafe } from '../../http/own-page.js';
import { isFromProxy, isHttps, proxyList } from '../../http/source-address.js';
import { SessionsService } from '../../sessions/sessions.service.js';
import { AccesstokenStrategy } from '../strategies/accesstoken.strategy.js';
import { BasicStrategy } from '../strategies/basic.strategy.js';
import { CookieStrategy } from '../strategies/cookie.strategy.js';
import { carriedCredentials, isBasic } from '../strategies/credentials.js';

/** What a route declares. */
interface Access {
  readonly isPublic: boolean;
  readonly declared: boolean;
  readonly roles: readonly string[] | null;
  readonly area: string | null;
  readonly fresh: boolean;
  readonly app: boolean;
  readonly sessionOnly: boolean;
  readonly ownPages: boolean;
  readonly forwardAuth: boolean;
}

/**
 * Before every route: who calls, and may they. Denies by default: a route that declares no access is nobody's
 * (403). The order is the contract's: 400 ambiguous, 403 https_required, 403 csrf, 401, 403 forbidden, 403
 * reauthentication_required.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  private readonly known = new WeakMap<object, Access>();
  private readonly webOrigins: ReadonlySet<string>;
  private readonly proxies: ReturnType<typeof proxyList>;

  constructor(
    private readonly reflector: Reflector,
    private readonly accesstoken: AccesstokenStrategy,
    private readonly cookie: CookieStrategy,
    private readonly basic: BasicStrategy,
    private readonly areas: AreasService,
    private readonly sessions: SessionsService,
    private readonly config: Config,
  ) {
    this.webOrigins = new Set(config.webOrigins);
    this.proxies = proxyList(config.trustProxy);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.accessOf(context);
    const http = context.switchToHttp();
    const request = http.getRequest<AuthenticatedRequest>();
    if (access.isPublic) {
      if (access.ownPages) this.requireOwnPage(request);
      return true;
    }
    const principal = await this.authenticate(access, request, http.getResponse<FastifyReply>());
    if (principal === null) throw new Problem('unauthenticated');
    request.principal = principal;
    if (!(await this.admits(access, principal, request))) throw new Problem('forbidden');
    if (access.fresh && !this.isFresh(principal)) throw new Problem('reauthentication_required');
    return true;
  }

  private authenticate(
    access: Access,
    request: AuthenticatedRequest,
    reply: FastifyReply,
  ): Promise<Principal | null> | null {
    const carried = carriedCredentials(request);
    if (carried.cookie !== null) {
      if (this.mayChange(access, request)) this.requireOwnPage(request);
      return this.cookie.authenticate(request, reply);
    }
    if (!isBasic(carried)) return this.accesstoken.authenticate(request, reply);
    if (!this.config.basicAuth) return null;
    if (!isHttps(request)) throw new Problem('https_required');
    if (isForeignPage(request, this.webOrigins)) throw new Problem('csrf');
    return this.basic.authenticate(request, reply);
  }

  /** Whether the request, or the one that a proxy asks about, may change something. */
  private mayChange({ forwardAuth }: Access, request: AuthenticatedRequest): boolean {
    if (!isSafe(request.method)) return true;
    return forwardAuth && asksForChange(request) && isFromProxy(request, this.proxies);
  }

  private requireOwnPage(request: AuthenticatedRequest): void {
    if (!isOwnPage(request, this.webOrigins)) throw new Problem('csrf');
  }

  private admits(access: Access, principal: Principal, request: AuthenticatedRequest): boolean | Promise<boolean> {
    if (!access.declared) return false;
    if (principal.roles.includes('app') && !access.app) return false;
    if ((access.sessionOnly || access.fresh) && principal.session === null) return false;
    if (access.roles !== null && !access.roles.some((role) => principal.roles.includes(role))) return false;
    if (access.area === null) return true;
    return this.areas.admits(areaName(access.area, request), principal.userid, principal.roles);
  }

  private isFresh({ userid, session }: Principal): boolean {
    return session !== null && this.sessions.provedWithin(userid, session, this.config.reauthSeconds);
  }

  private accessOf(context: ExecutionContext): Access {
    const handler = context.getHandler();
    const known = this.known.get(handler);
    if (known !== undefined) return known;
    const access = this.read(context);
    this.known.set(handler, access);
    return access;
  }

  private read(context: ExecutionContext): Access {
    const targets = [context.getHandler(), context.getClass()];
    const get = <T>(key: string): T | undefined => this.reflector.getAllAndOverride<T | undefined>(key, targets);
    const roles = get<string[]>(ACCESS.roles) ?? null;
    const area = get<string>(ACCESS.area) ?? null;
    const isPublic = get<boolean>(ACCESS.public) ?? false;
    return {
      isPublic,
      declared: isPublic || roles !== null || area !== null || (get<boolean>(ACCESS.user) ?? false),
      roles,
      area,
      fresh: get<boolean>(ACCESS.fresh) ?? false,
      app: get<boolean>(ACCESS.app) ?? false,
      sessionOnly: get<boolean>(ACCESS.sessionOnly) ?? false,
      ownPages: get<boolean>(ACCESS.ownPages) ?? false,
      forwardAuth: get<boolean>(ACCESS.forwardAuth) ?? false,
    };
  }
}

/** `:param` stands for that path parameter. */
function areaName(declared: string, request: AuthenticatedRequest): string {
  if (!declared.startsWith(':')) return declared;
  return (request.params as Record<string, string>)[declared.slice(1)] ?? '';
}
