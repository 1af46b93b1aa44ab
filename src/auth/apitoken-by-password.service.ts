import { Injectable } from '@nestjs/common';
import type { Principal } from '../access/principal.js';
import { ApitokensService } from '../apitokens/apitokens.service.js';
import { AuditService } from '../audit/audit.service.js';
import { AuthorityService } from '../authority/authority.service.js';
import { Problem } from '../common/problem.js';
import type { ClientInfo } from '../http/client-info.js';
import type { ApitokenByPasswordRequest } from './auth.dto.js';
import { PasswordProof } from './password-proof.service.js';

/** `POST /v1/apitokens`: an apitoken for whoever knows a username and its password, through an app's session. */
@Injectable()
export class ApitokenByPasswordService {
  constructor(
    private readonly apitokens: ApitokensService,
    private readonly authority: AuthorityService,
    private readonly proof: PasswordProof,
    private readonly audit: AuditService,
  ) {}

  /** @throws Problem `invalid_credentials` as a login; limited like a web login. */
  async create(
    app: Principal,
    body: ApitokenByPasswordRequest,
    client: ClientInfo,
    gone: AbortSignal,
  ): Promise<{ userid: string; id: string; apitoken: string }> {
    const { userid, epoch } = await this.proof.prove('apitoken', body, client, gone);
    const change = { target: userid, actor: app, actorRoles: ['app'], targetEpoch: epoch };
    return this.authority.change(change, async (tx, { target }) => {
      if (target?.status !== 'active') throw new Problem('invalid_credentials');
      await this.apitokens.makeRoom(tx, userid, app, client);
      const { id, apitoken } = await this.apitokens.insert(tx, userid, body.name, null);
      await this.audit.record(tx, {
        action: 'apitoken.created',
        actor: app.userid,
        target: userid,
        client,
        detail: { apitoken: id },
      });
      return { userid, id, apitoken };
    });
  }
}
