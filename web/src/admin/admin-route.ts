import { createRoute, notFound } from '@tanstack/react-router';
import { NOT_ALLOWED } from '../app/not-found-page.tsx';
import { insideRoute } from '../app/root-route.tsx';

/** Everybody else is told so before anything is loaded; the API would refuse them anyway. */
export const adminRoute = createRoute({
  getParentRoute: () => insideRoute,
  path: '/admin',
  beforeLoad: ({ context }): void => {
    if (!context.me.roles.includes('admin')) throw notFound({ data: NOT_ALLOWED });
  },
});
