import type { PageLink } from '../app/navigation.tsx';

/** The entries of the navigation that admins see beside their own account. */
export const adminLinks: readonly PageLink[] = [{ to: '/admin', label: 'Overview', exact: true }];
