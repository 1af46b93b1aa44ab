import type { Schemas } from '../../api/client.ts';

export type AuditAction = Schemas['AuditEntry']['action'];

/** What happened, in words; as `docs/operations.md` and the API name it: the keys. */
export const AUDIT_WORDS: Readonly<Record<AuditAction, string>> = {
  login: 'Logged in',
  'login.failed': 'Log-in refused',
  logout: 'Logged out',
  reauthentication: 'Password proved once more',
  'password.changed': 'Password changed',
  'password.reset': 'Password set with a reset code',
  'password_reset.issued': 'Reset code made',
  'user.created': 'Account made',
  'user.disabled': 'Account disabled',
  'user.enabled': 'Account enabled',
  'user.deleted': 'Account deleted',
  'apitoken.created': 'Apitoken made',
  'apitoken.deleted': 'Apitoken revoked',
  'apitoken.leaked': 'Apitoken seen in a URL',
  'reset_code.leaked': 'Reset code seen in a URL',
  'session.leaked': 'Accesstoken seen in a URL',
  'session.ended': 'Session ended',
  'sessions.ended': 'All sessions of the user ended',
  'all_sessions.ended': 'Sessions of everybody ended',
  'role.created': 'Role made',
  'role.deleted': 'Role deleted',
  'role.granted': 'Role granted',
  'role.revoked': 'Role withdrawn',
  'area.created': 'Private area made',
  'area.deleted': 'Private area deleted',
  'area.user_added': 'Username put on an area’s list',
  'area.user_removed': 'Username taken off an area’s list',
  'area.role_added': 'Role put on an area’s list',
  'area.role_removed': 'Role taken off an area’s list',
  'signup.limit_reached': 'App account at its sign-up limit',
};

/** `detail` of an entry as one line: "role editor, modes web 3". */
export function detailWords(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name} ${valueWords(value)}`)
    .join(', ');
}

function valueWords(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueWords).join(' ');
  if (typeof value === 'object' && value !== null) return detailWords(value as Record<string, unknown>);
  return String(value);
}
