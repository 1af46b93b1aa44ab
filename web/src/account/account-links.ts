import type { PageLink } from '../app/navigation.tsx';

export const accountLinks: readonly PageLink[] = [
  { to: '/account', label: 'Profile', exact: true },
  { to: '/account/password', label: 'Password' },
  { to: '/account/sessions', label: 'Sessions' },
  { to: '/account/apitokens', label: 'Apitokens' },
];
