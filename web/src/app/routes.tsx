import { createRoute, redirect } from '@tanstack/react-router';
import { accessRoutes } from '../access/access-routes.ts';
import { accountRoutes } from '../account/account-routes.ts';
import { adminRoutes } from '../admin/admin-routes.ts';
import { insideRoute, rootRoute } from './root-route.tsx';

const homeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  beforeLoad: (): void => {
    throw redirect({ to: '/account', replace: true });
  },
});

/** Every page, each in a chunk of its own. */
export const routeTree = rootRoute.addChildren([
  homeRoute,
  ...accessRoutes,
  insideRoute.addChildren([...accountRoutes, adminRoutes]),
]);
