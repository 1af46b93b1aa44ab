import { Injectable } from '@nestjs/common';
import type { Principal } from '../../access/principal.js';
import { SessionsService } from '../../sessions/sessions.service.js';
import { carriedCredentials } from './credentials.js';
import { PassportStrategy } from './passport.js';
import { sessionPrincipal } from './session-principal.js';

const BEARER = /^Bearer +([^\s]+)$/i;

/** Token mode: `X-User-Id: <userid>` and `Authorization: Bearer <accesstoken>`, both (contract). */
@Injectable()
export class AccesstokenStrategy extends PassportStrategy<Principal> {
  constructor(sessions: SessionsService) {
    super('accesstoken', async (request) => {
      const { userid, authorization } = carriedCredentials(request);
      const accesstoken = BEARER.exec(authorization ?? '')?.[1];
      if (accesstoken === undefined || userid === null) return null;
      return sessionPrincipal(sessions, 'token', userid, accesstoken);
    });
  }
}
