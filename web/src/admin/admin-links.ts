import type { PageLink } from '../app/navigation.tsx';

/** The entries of the navigation that admins see beside their own account. */
export const adminLinks: readonly PageLink[] = [
  { to: '/admin', label: 'Overview', exact: true },
  { to: '/admin/users', label: 'Users' },
  { to: '/admin/roles', label: 'Roles' },
  { to: '/admin/areas', label: 'Private areas' },
  { to: '/admin/apps', label: 'App accounts' },
  { to: '/admin/audit', label: 'Audit log' },
];
