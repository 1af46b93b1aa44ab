import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Principal } from '../access/principal.js';
import { ApitokensService } from '../apitokens/apitokens.service.js';
import { AuditService } from '../audit/audit.service.js';
import { AuthorityService } from '../authority/authority.service.js';
import { Problem } from '../common/problem.js';
import type { ClientInfo } from '../http/client-info.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { foldUsername } from '../common/username.js';
import type { ApitokenByPasswordRequest } from './auth.dto.js';
import { LoginLimits, type LoginAttempt } from './login-limits.js';

interface Account {
  readonly userid: string;
  readonly status: string;
  readonly password_hash: string | null;
  readonly epoch: string;
  readonly is_app: boolean;
}

/** `POST /v1/apitokens`: an apitoken for whoever knows a username and its password, through an app's session. */
@Injectable()
export class ApitokenByPasswordService {
  constructor(
    private readonly apitokens: ApitokensService,
    private readonly authority: AuthorityService,
    private readonly limits: LoginLimits,
    private readonly hasher: PasswordHasher,
    private readonly audit: AuditService,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /** @throws Problem `invalid_credentials` as a login; limited like a web login. */
  async create(
    app: Principal,
    body: ApitokenByPasswordRequest,
    client: ClientInfo,
    gone: AbortSignal,
  ): Promise<{ userid: string; id: string; apitoken: string }> {
    const username = foldUsername(body.username);
    const account = username === null ? null : await this.find(username);
    const attempt = await this.limits.begin('web', {
      userid: account?.userid ?? null,
      username: username ?? body.username,
      isApp: account?.is_app ?? false,
      ...(account === null ? {} : { epoch: account.epoch }),
      address: client.ip,
      since: client.arrivedAt,
    });
    const ok = await this.proves(attempt, account, body.password, username ?? '', gone);
    if (!ok || account === null || account.status !== 'active') {
      await attempt.failed();
      await this.audit.recordFailedLogin({ username, userid: account?.userid ?? null, client, mode: 'apitoken' });
      throw new Problem('invalid_credentials');
    }
    await attempt.succeeded();
    return this.insert(app, account, body.name, client);
  }

  /** One hash for everybody: a dummy where there is no such account, it is an app's, or its password is off. */
  private async proves(
    attempt: LoginAttempt,
    account: Account | null,
    password: string,
    username: string,
    gone: AbortSignal,
  ): Promise<boolean> {
    const usable = account !== null && !account.is_app && !attempt.passwordOff;
    const stored = usable ? account.password_hash : null;
    try {
      const work = { lane: 'second', account: `web:${username}`, signal: gone } as const;
      return (await this.hasher.verify(password, stored, work)).ok;
    } catch (error) {
      await attempt.abandoned();
      throw error;
    }
  }

  private async insert(app: Principal, account: Account, name: string, client: ClientInfo) {
    const { userid, epoch } = account;
    const change = { target: userid, actor: app, actorRoles: ['app'], targetEpoch: epoch };
    return this.authority.change(change, async (tx, { target }) => {
      if (target?.status !== 'active') throw new Problem('invalid_credentials');
      await this.apitokens.makeRoom(tx, userid, app, client);
      const { id, apitoken } = await this.apitokens.insert(tx, userid, name, null);
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

  private async find(username: string): Promise<Account | null> {
    const rows: Account[] = await this.dataSource.query(
      `SELECT u.userid, u.status, u.password_hash, g.world || '.' || u.epoch AS epoch,
         EXISTS (SELECT 1 FROM user_roles r WHERE r.userid = u.userid AND r.role = 'app') AS is_app
       FROM users u, generation g WHERE u.username = $1 AND u.status <> 'deleted'`,
      [username],
    );
    return rows[0] ?? null;
  }
}
