import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { configQuery } from '../api/config.ts';
import { readCursor } from '../api/paging.ts';
import { adminRoute } from './admin-route.ts';
import { readAuditSearch } from './audit/audit-search.ts';
import { prefetchAudit } from './audit/prefetch-audit.ts';
import { LATEST } from './latest.ts';
import * as queries from './queries.ts';
import { userRoutes } from './user/user-routes.ts';
import { readUsersSearch } from './users/users-search.ts';

/** Made outside of `addChildren`, within which TypeScript takes their types for `any`. A list says itself what is wrong. */
const pages = [
  createRoute({
    getParentRoute: () => adminRoute,
    path: '/',
    loader: ({ context: { queryClient } }) =>
      Promise.all([queryClient.ensureQueryData(configQuery), prefetchAudit(queryClient, LATEST)]),
    component: lazyRouteComponent(() => import('./overview-page.tsx'), 'OverviewPage'),
  }),
  createRoute({
    getParentRoute: () => adminRoute,
    path: 'users',
    validateSearch: readUsersSearch,
    loaderDeps: ({ search }) => search,
    loader: ({ context: { queryClient }, deps }) =>
      Promise.all([
        queryClient.prefetchQuery(queries.usersQuery(deps)),
        queryClient.prefetchQuery(queries.roleChoicesQuery),
      ]),
    component: lazyRouteComponent(() => import('./users/users-page.tsx'), 'UsersPage'),
  }),
  createRoute({
    getParentRoute: () => adminRoute,
    path: 'users/new',
    loader: ({ context }) => context.queryClient.ensureQueryData(configQuery),
    component: lazyRouteComponent(() => import('./users/make-user-page.tsx'), 'MakeUserPage'),
  }),
  createRoute({
    getParentRoute: () => adminRoute,
    path: 'roles',
    validateSearch: readCursor,
    loaderDeps: ({ search }) => search,
    loader: ({ context, deps }) => context.queryClient.prefetchQuery(queries.rolesQuery(deps)),
    component: lazyRouteComponent(() => import('./roles/roles-page.tsx'), 'RolesPage'),
  }),
  createRoute({
    getParentRoute: () => adminRoute,
    path: 'areas',
    validateSearch: readCursor,
    loaderDeps: ({ search }) => search,
    loader: ({ context, deps }) => context.queryClient.prefetchQuery(queries.areasQuery(deps)),
    component: lazyRouteComponent(() => import('./areas/areas-page.tsx'), 'AreasPage'),
  }),
  createRoute({
    getParentRoute: () => adminRoute,
    path: 'areas/$name',
    validateSearch: readCursor,
    loaderDeps: ({ search }) => search,
    loader: ({ context: { queryClient }, params: { name }, deps }) =>
      Promise.all([
        queryClient.prefetchQuery(queries.areaQuery(name)),
        queryClient.prefetchQuery(queries.areaUsernamesQuery(name, deps)),
        queryClient.prefetchQuery(queries.roleChoicesQuery),
      ]),
    component: lazyRouteComponent(() => import('./areas/area-page.tsx'), 'AreaPage'),
  }),
  createRoute({
    getParentRoute: () => adminRoute,
    path: 'apps',
    validateSearch: readCursor,
    loaderDeps: ({ search }) => search,
    loader: ({ context, deps }) => context.queryClient.prefetchQuery(queries.usersQuery({ role: 'app', ...deps })),
    component: lazyRouteComponent(() => import('./apps/apps-page.tsx'), 'AppsPage'),
  }),
  createRoute({
    getParentRoute: () => adminRoute,
    path: 'apps/$userid',
    validateSearch: readCursor,
    loaderDeps: ({ search }) => search,
    loader: ({ context: { queryClient }, params: { userid }, deps }) =>
      Promise.all([
        queryClient.prefetchQuery(queries.userQuery(userid)),
        queryClient.prefetchQuery(queries.signupsQuery(userid)),
        queryClient.prefetchQuery(queries.userApitokensQuery(userid, deps)),
      ]),
    component: lazyRouteComponent(() => import('./apps/app-page.tsx'), 'AppPage'),
  }),
  createRoute({
    getParentRoute: () => adminRoute,
    path: 'audit',
    validateSearch: readAuditSearch,
    loaderDeps: ({ search }) => search,
    loader: ({ context: { queryClient }, deps }) =>
      Promise.all([
        prefetchAudit(queryClient, deps),
        deps.userid === undefined ? null : queryClient.prefetchQuery(queries.usernameQuery(deps.userid)),
      ]),
    component: lazyRouteComponent(() => import('./audit/audit-page.tsx'), 'AuditPage'),
  }),
] as const;

/** The admin console: each page in a chunk that nobody else loads. */
export const adminRoutes = adminRoute.addChildren([...pages, userRoutes]);
