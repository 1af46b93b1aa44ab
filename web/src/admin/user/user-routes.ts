import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { readCursor } from '../../api/paging.ts';
import { adminRoute } from '../admin-route.ts';
import { prefetchAudit } from '../audit/prefetch-audit.ts';
import { roleChoicesQuery, userApitokensQuery, userAreasQuery, userQuery, userSessionsQuery } from '../queries.ts';

const userRoute = createRoute({
  getParentRoute: () => adminRoute,
  path: 'users/$userid',
  // What cannot be read says so itself, here and below.
  loader: ({ context, params }) => context.queryClient.prefetchQuery(userQuery(params.userid)),
  component: lazyRouteComponent(() => import('./user-frame.tsx'), 'UserFrame'),
});

/** Made outside of `addChildren`, within which TypeScript takes their types for `any`. */
const pages = [
  createRoute({
    getParentRoute: () => userRoute,
    path: '/',
    component: lazyRouteComponent(() => import('./account-page.tsx'), 'AccountPage'),
  }),
  createRoute({
    getParentRoute: () => userRoute,
    path: 'rights',
    validateSearch: readCursor,
    loaderDeps: ({ search }) => search,
    loader: ({ context: { queryClient }, params, deps }) =>
      Promise.all([
        queryClient.prefetchQuery(userAreasQuery(params.userid, deps)),
        queryClient.prefetchQuery(roleChoicesQuery),
      ]),
    component: lazyRouteComponent(() => import('./rights-page.tsx'), 'RightsPage'),
  }),
  createRoute({
    getParentRoute: () => userRoute,
    path: 'sessions',
    validateSearch: readCursor,
    loaderDeps: ({ search }) => search,
    loader: ({ context, params, deps }) => context.queryClient.prefetchQuery(userSessionsQuery(params.userid, deps)),
    component: lazyRouteComponent(() => import('./sessions-page.tsx'), 'UserSessionsPage'),
  }),
  createRoute({
    getParentRoute: () => userRoute,
    path: 'apitokens',
    validateSearch: readCursor,
    loaderDeps: ({ search }) => search,
    loader: ({ context, params, deps }) => context.queryClient.prefetchQuery(userApitokensQuery(params.userid, deps)),
    component: lazyRouteComponent(() => import('./apitokens-page.tsx'), 'UserApitokensPage'),
  }),
  createRoute({
    getParentRoute: () => userRoute,
    path: 'history',
    validateSearch: readCursor,
    loaderDeps: ({ search }) => search,
    loader: ({ context, params, deps }) => prefetchAudit(context.queryClient, { userid: params.userid, ...deps }),
    component: lazyRouteComponent(() => import('./history-page.tsx'), 'HistoryPage'),
  }),
] as const;

/** One user, in several pages. */
export const userRoutes = userRoute.addChildren(pages);
