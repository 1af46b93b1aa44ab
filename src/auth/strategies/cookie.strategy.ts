import { Injectable } from '@nestjs/common';
import type { Principal } from '../../access/principal.js';
import { parseSessionCookie } from '../../http/session-cookie.js';
import { SessionsService } from '../../sessions/sessions.service.js';
import { carriedCredentials } from './credentials.js';
import { PassportStrategy } from './passport.js';
import { sessionPrincipal } from './session-principal.js';

/** Cookie mode: `__Host-session=<userid>.<accesstoken>` (contract). */
@Injectable()
export class CookieStrategy extends PassportStrategy<Principal> {
  constructor(sessions: SessionsService) {
    super('cookie', async (request) => {
      const carried = parseSessionCookie(carriedCredentials(request).cookie ?? '');
      return carried === null ? null : sessionPrincipal(sessions, 'web', carried.userid, carried.accesstoken);
    });
  }
}
