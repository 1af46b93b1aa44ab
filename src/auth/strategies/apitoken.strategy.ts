import { Injectable } from '@nestjs/common';
import { clientGone } from '../../http/client-gone.js';
import { clientInfo } from '../../http/client-info.js';
import type { LoginRequest } from '../auth.dto.js';
import { LoginService, type ProvenLogin } from '../login.service.js';
import { PassportStrategy } from './passport.js';

/** The login: username + password + apitoken, the apitoken first. Its body has been checked by the input guard. */
@Injectable()
export class ApitokenStrategy extends PassportStrategy<ProvenLogin> {
  constructor(logins: LoginService) {
    super('apitoken', (request) =>
      logins.prove(request.body as LoginRequest, clientInfo(request), clientGone(request)),
    );
  }
}
