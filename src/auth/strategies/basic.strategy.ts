import { isUtf8 } from 'node:buffer';
import { Injectable } from '@nestjs/common';
import type { Principal } from '../../access/principal.js';
import { Problem } from '../../common/problem.js';
import { clientGone } from '../../http/client-gone.js';
import { clientInfo } from '../../http/client-info.js';
import { BasicService } from '../basic.service.js';
import type { NameAndPassword } from '../password-proof.service.js';
import { carriedCredentials } from './credentials.js';
import { PassportStrategy } from './passport.js';

const HEADER = /^Basic +([A-Za-z0-9+/]+={0,2})$/i;

/** Basic mode: `Authorization: Basic base64(username:password)`, a failed login where that is malformed. */
@Injectable()
export class BasicStrategy extends PassportStrategy<Principal> {
  constructor(basic: BasicService) {
    super('basic', async (request) => {
      const sent = parseBasic(carriedCredentials(request).authorization ?? '');
      if (sent === null) throw new Problem('invalid_credentials');
      return basic.authenticate(sent, clientInfo(request), clientGone(request));
    });
  }
}

/** RFC 7617: UTF-8, and the first colon ends the username, which cannot have one; null for whatever is not that. */
export function parseBasic(header: string): NameAndPassword | null {
  const encoded = HEADER.exec(header)?.[1] ?? '';
  const bytes = Buffer.from(encoded, 'base64');
  const colon = bytes.indexOf(':');
  if (colon === -1 || bytes.toString('base64') !== encoded || !isUtf8(bytes)) return null;
  return { username: bytes.toString('utf8', 0, colon), password: bytes.toString('utf8', colon + 1) };
}
