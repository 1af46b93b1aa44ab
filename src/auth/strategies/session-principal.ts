import type { Principal } from '../../access/principal.js';
import { isUserid } from '../../common/secret-token.js';
import type { SessionsService } from '../../sessions/sessions.service.js';

/**
 * Who presents this userid and accesstoken, however they were carried. Null for nobody, and for a session of the other
 * mode: one of the web lives in the cookie alone, one of mode token in the headers.
 */
export async function sessionPrincipal(
  sessions: SessionsService,
  mode: 'token' | 'web',
  userid: string,
  accesstoken: string,
): Promise<Principal | null> {
  // The shape is checked before any key is built of it.
  const found = isUserid(userid) ? await sessions.authenticate(userid, accesstoken) : null;
  if (found === null || found.session.mode !== mode) return null;
  const { session, authority } = found;
  return { userid, username: authority.username, roles: authority.roles, mode, session };
}
