import type { QueryClient } from '@tanstack/react-query';
import { createRouter } from '@tanstack/react-router';
import { openQuestion } from '../api/reauthentication.ts';
import { focusHeading } from '../parts/focus-heading.ts';
import { FailedPage } from './failed-page.tsx';
import { routeTree } from './routes.tsx';

/** The router of the pages. What stands after the `?` are plain strings, so that a name of digits stays a name. */
export function createPagesRouter(queryClient: QueryClient) {
  const router = createRouter({
    routeTree,
    context: { queryClient },
    defaultErrorComponent: FailedPage,
    // A page about somebody else is another page: what was said or shown there once does not stand here.
    defaultRemountDeps: ({ params }) => params,
    defaultPreload: 'intent',
    // A page that is on its way is shown when it is there: shorter waits need no sign.
    defaultPendingMs: 1000,
    scrollRestoration: true,
    parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
    stringifySearch,
  });
  // What asked for the password is no longer to be seen, nor perhaps the session that it was asked of.
  router.subscribe('onBeforeNavigate', ({ pathChanged }) => {
    if (pathChanged) openQuestion.cancel();
  });
  router.subscribe('onRendered', ({ fromLocation, pathChanged }) => {
    if (fromLocation !== undefined && pathChanged) focusHeading();
  });
  return router;
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createPagesRouter>;
  }
}

function stringifySearch(search: Record<string, unknown>): string {
  const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}
