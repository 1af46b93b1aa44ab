import type { QueryClient } from '@tanstack/react-query';
import { createRootRouteWithContext, createRoute, redirect } from '@tanstack/react-router';
import type { Schemas } from '../api/client.ts';
import { sessionQuery } from '../api/session.ts';
import { FailedPage } from './failed-page.tsx';
import { NotFoundPage } from './not-found-page.tsx';
import { Shell } from './shell.tsx';

/** What every route finds in its `context`. */
export interface RouterContext {
  readonly queryClient: QueryClient;
}

export const rootRoute = createRootRouteWithContext<RouterContext>()({
  component: Shell,
  // The frame of a page depends on it. Where it cannot be found out, the page itself says why.
  beforeLoad: async ({ context }): Promise<void> => {
    await context.queryClient.ensureQueryData(sessionQuery).catch(() => undefined);
  },
  notFoundComponent: NotFoundPage,
  errorComponent: FailedPage,
});

/** Everything below asks for a session, and finds in its context whose it is. */
export const insideRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'inside',
  // Said, because it would otherwise be found out from the very routes that it is a part of.
  beforeLoad: async ({ context, location }): Promise<{ me: Schemas['Me'] }> => {
    const me = await context.queryClient.ensureQueryData(sessionQuery);
    if (me === null) throw redirect({ to: '/login', search: { next: location.href }, replace: true });
    return { me };
  },
});
