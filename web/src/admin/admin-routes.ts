import { createRoute, lazyRouteComponent, notFound } from '@tanstack/react-router';
import { insideRoute } from '../app/root-route.tsx';

/** To everybody else these pages are not there; the API would refuse them anyway. */
const adminRoute = createRoute({
  getParentRoute: () => insideRoute,
  path: '/admin',
  beforeLoad: ({ context }): void => {
    if (!context.me.roles.includes('admin')) throw notFound();
  },
});

/** Made outside of `addChildren`, within which TypeScript takes their types for `any`. */
const pages = [
  createRoute({
    getParentRoute: () => adminRoute,
    path: '/',
    component: lazyRouteComponent(() => import('./overview-page.tsx'), 'OverviewPage'),
  }),
] as const;

/** The admin console: each page in a chunk that nobody else loads. */
export const adminRoutes = adminRoute.addChildren(pages);
