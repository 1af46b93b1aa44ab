import { Injectable } from '@nestjs/common';
import type { Principal } from '../../access/principal.js';
import { isUserid } from '../../common/secret-token.js';
import { SessionsService } from '../../sessions/sessions.service.js';
import { carriedCredentials } from './credentials.js';
import { PassportStrategy } from './passport.js';

const BEARER = /^Bearer +([^\s]+)$/i;

/** Token mode: `X-User-Id: <userid>` and `Authorization: Bearer <accesstoken>`, both (contract section 3). */
@Injectable()
export class AccesstokenStrategy extends PassportStrategy<Principal> {
  constructor(sessions: SessionsService) {
    super('accesstoken', async (request) => {
      const { userid, authorization } = carriedCredentials(request);
      const accesstoken = BEARER.exec(authorization ?? '')?.[1];
      // The shape is checked before any key is built of it.
      if (accesstoken === undefined || !isUserid(userid)) return null;
      const found = await sessions.authenticate(userid, accesstoken);
      // A session of the web lives in the cookie alone.
      if (found === null || found.session.mode !== 'token') return null;
      const { session, authority } = found;
      return { userid, username: authority.username, roles: authority.roles, mode: 'token', session };
    });
  }
}
