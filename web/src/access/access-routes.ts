import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { nextPath } from '../api/next-path.ts';
import { configQuery } from '../api/config.ts';
import { sessionQuery } from '../api/session.ts';
import { rootRoute, type RouterContext } from '../app/root-route.tsx';

interface WayBack {
  readonly next?: string;
}

/** Who is logged in already goes on. */
async function goOn({ context, search }: { context: RouterContext; search: WayBack }): Promise<void> {
  const me = await context.queryClient.ensureQueryData(sessionQuery);
  if (me !== null) throw redirect({ href: nextPath(search.next), replace: true });
}

function readWayBack({ next }: Record<string, unknown>): WayBack {
  return typeof next === 'string' ? { next } : {};
}

/** The rules for passwords stand on the page from the first moment. */
function loadConfig({ context }: { context: RouterContext }): Promise<unknown> {
  return context.queryClient.ensureQueryData(configQuery);
}

/** The pages for people who are not logged in. The last one is open to whoever has a code. */
export const accessRoutes = [
  createRoute({
    getParentRoute: () => rootRoute,
    path: '/login',
    validateSearch: readWayBack,
    beforeLoad: goOn,
    loader: loadConfig,
    component: lazyRouteComponent(() => import('./login-page.tsx'), 'LoginPage'),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: '/signup',
    validateSearch: readWayBack,
    beforeLoad: goOn,
    loader: loadConfig,
    component: lazyRouteComponent(() => import('./signup-page.tsx'), 'SignupPage'),
  }),
  createRoute({
    getParentRoute: () => rootRoute,
    path: '/account/reset-password',
    loader: loadConfig,
    component: lazyRouteComponent(() => import('./reset-password-page.tsx'), 'ResetPasswordPage'),
  }),
] as const;
