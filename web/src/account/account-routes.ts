import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { configQuery } from '../api/config.ts';
import { readCursor } from '../api/paging.ts';
import { insideRoute } from '../app/root-route.tsx';
import { apitokensQuery, sessionsQuery } from './queries.ts';

/** The pages about one's own account. */
export const accountRoutes = [
  createRoute({
    getParentRoute: () => insideRoute,
    path: '/account',
    component: lazyRouteComponent(() => import('./profile-page.tsx'), 'ProfilePage'),
  }),
  createRoute({
    getParentRoute: () => insideRoute,
    path: '/account/password',
    loader: ({ context }) => context.queryClient.ensureQueryData(configQuery),
    component: lazyRouteComponent(() => import('./password-page.tsx'), 'PasswordPage'),
  }),
  createRoute({
    getParentRoute: () => insideRoute,
    path: '/account/sessions',
    validateSearch: readCursor,
    loaderDeps: ({ search }) => search,
    // A list that cannot be read says so itself.
    loader: ({ context, deps }) => context.queryClient.prefetchQuery(sessionsQuery(deps.cursor)),
    component: lazyRouteComponent(() => import('./sessions-page.tsx'), 'SessionsPage'),
  }),
  createRoute({
    getParentRoute: () => insideRoute,
    path: '/account/apitokens',
    validateSearch: readCursor,
    loaderDeps: ({ search }) => search,
    // A list that cannot be read says so itself.
    loader: ({ context, deps }) => context.queryClient.prefetchQuery(apitokensQuery(deps.cursor)),
    component: lazyRouteComponent(() => import('./apitokens-page.tsx'), 'ApitokensPage'),
  }),
] as const;
