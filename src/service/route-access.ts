import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { ACCESS } from '../access/decorators.js';

/** One route of a controller and what it declares of who may call it. */
export interface RouteAccess {
  readonly method: string;
  /** As Fastify knows it: `/v1/users/:userid`. */
  readonly path: string;
  /** `Controller.method` */
  readonly handler: string;
  readonly isPublic: boolean;
  /** Any account without role `app`. */
  readonly anyUser: boolean;
  readonly roles: readonly string[];
  readonly area: string | null;
  readonly fresh: boolean;
  readonly appMayCall: boolean;
  readonly sessionOnly: boolean;
  /** Beside public: closed to the pages of other sites. */
  readonly ownPages: boolean;
  /** A proxy asks it about another request. */
  readonly forwardAuth: boolean;
}

/** Every route of the application, by path and method. */
export function routeAccess(modules: ModulesContainer): RouteAccess[] {
  const controllers = [...modules.values()].flatMap((module) => [...module.controllers.values()]);
  const routes = controllers.flatMap(({ metatype }) => routesOf(metatype as Type));
  return routes.toSorted((a, b) => order(a.path, b.path) || order(a.method, b.method));
}

/**
 * What each route declares must be clear: nobody may wonder who can call it.
 * @throws Error that names every route which declares no access, or `@Public` beside anything but `@OwnPagesOnly`,
 *   which is for public routes alone.
 */
export function requireDeclaredAccess(modules: ModulesContainer): void {
  const wrong = routeAccess(modules).filter(({ isPublic, anyUser, roles, area, ...more }) => {
    const limited = anyUser || roles.length > 0 || area !== null;
    if (!isPublic) return !limited || more.ownPages;
    return limited || more.fresh || more.appMayCall || more.sessionOnly || more.forwardAuth;
  });
  if (wrong.length === 0) return;
  const names = wrong.map(({ method, path, handler }) => `${method} ${path} (${handler})`);
  throw new Error(`a route declares who may call it, and @Public stands alone: ${names.join(', ')}`);
}

/** In one line, for the snapshot that a change of rights shows up in. */
export function describeAccess(route: RouteAccess): string {
  if (route.isPublic) return route.ownPages ? 'public, own pages only' : 'public';
  const who = [
    ...(route.anyUser ? ['user'] : []),
    ...(route.roles.length > 0 ? [`role ${route.roles.join('|')}`] : []),
    ...(route.area === null ? [] : [`area ${route.area}`]),
  ];
  const more = [
    ...(route.appMayCall ? ['app may call'] : []),
    ...(route.sessionOnly ? ['session only'] : []),
    ...(route.fresh ? ['fresh'] : []),
    ...(route.forwardAuth ? ['asked by proxies'] : []),
  ];
  return [who.join(' and '), ...more].join(', ');
}

function routesOf(controller: Type): RouteAccess[] {
  const prototype = controller.prototype as Record<string, object>;
  return new MetadataScanner().getAllMethodNames(prototype).flatMap((name) => {
    const handler = prototype[name]!;
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
    if (method === undefined) return [];
    const read = <T>(key: string): T | undefined =>
      (Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller)) as T | undefined;
    const common = {
      method: RequestMethod[method],
      handler: `${controller.name}.${name}`,
      isPublic: read<boolean>(ACCESS.public) ?? false,
      anyUser: read<boolean>(ACCESS.user) ?? false,
      roles: read<string[]>(ACCESS.roles) ?? [],
      area: read<string>(ACCESS.area) ?? null,
      fresh: read<boolean>(ACCESS.fresh) ?? false,
      appMayCall: read<boolean>(ACCESS.app) ?? false,
      sessionOnly: read<boolean>(ACCESS.sessionOnly) ?? false,
      ownPages: read<boolean>(ACCESS.ownPages) ?? false,
      forwardAuth: read<boolean>(ACCESS.forwardAuth) ?? false,
    };
    return pathsOf(controller, handler).map((path) => ({ ...common, path }));
  });
}

/** Both the controller and the method may name several. */
function pathsOf(controller: Type, handler: object): string[] {
  const read = (target: object) => [Reflect.getMetadata(PATH_METADATA, target) as string | string[]].flat();
  return read(controller).flatMap((prefix) =>
    read(handler).map(
      (path) =>
        `/${[prefix, path]
          .flatMap((part) => part.split('/'))
          .filter(Boolean)
          .join('/')}`,
    ),
  );
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
