import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { configQuery } from '../api/config.ts';
import { readCursor } from '../api/paging.ts';
import { insideRoute } from '../app/root-route.tsx';

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
    component: lazyRouteComponent(() => import('./sessions-page.tsx'), 'SessionsPage'),
  }),
  createRoute({
    getParentRoute: () => insideRoute,
    path: '/account/apitokens',
    validateSearch: readCursor,
    component: lazyRouteComponent(() => import('./apitokens-page.tsx'), 'ApitokensPage'),
  }),
] as const;
