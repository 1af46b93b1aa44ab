import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { AuthorityService } from '../authority/authority.service.js';
import { Problem } from '../common/problem.js';
import { isSecretOf, parseToken, type SecretToken } from '../common/secret-token.js';
import { inTransaction } from '../database/transaction.js';
import type { ClientInfo } from '../http/client-info.js';
import type { FoundCredentials, LeakedCredentialHandler } from '../http/credentials-in-url.js';
import { ApitokensService } from '../apitokens/apitokens.service.js';
import { Limiter } from '../limits/limiter.js';
import { SessionsService } from '../sessions/sessions.service.js';

/** Look-ups a minute and source: beyond, the URL is refused all the same and nothing is looked up. */
const LOOKUPS_PER_MINUTE = 10;

/** Makes a real secret that stood in a URL worthless, since logs have it now (contract). */
@Injectable()
export class LeakedCredentials implements LeakedCredentialHandler {
  private readonly logger = new Logger(LeakedCredentials.name);

  constructor(
    private readonly limiter: Limiter,
    private readonly apitokens: ApitokensService,
    private readonly sessions: SessionsService,
    private readonly authority: AuthorityService,
    private readonly audit: AuditService,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  async handle({ client, tokens, userids }: FoundCredentials & { readonly client: ClientInfo }): Promise<void> {
    try {
      // Their number is up to who sent them: it ends where the limit does.
      for (const text of tokens) {
        for (const end of this.endsOf(text, userids, client)) {
          await this.limiter.takeSource('leaked', client.ip, LOOKUPS_PER_MINUTE, 60);
          await end();
        }
      }
    } catch (error) {
      // The URL is refused whatever happens here.
      const isExpected = error instanceof Problem && error.code === 'rate_limited';
      if (isExpected) this.logger.warn('a leaked credential was not looked up: rate_limited');
      else this.logger.warn({ err: error }, 'a leaked credential was not looked up');
    }
  }

  /** The look-ups that the token is worth: an accesstoken is looked for under each userid. */
  private endsOf(text: string, userids: readonly string[], client: ClientInfo): (() => Promise<void>)[] {
    const apitoken = parseToken('apt', text);
    if (apitoken !== null) return [() => this.revokeApitoken(apitoken, client)];
    const code = parseToken('rst', text);
    if (code !== null) return [() => this.voidCode(code, client)];
    const leak = { action: 'session.leaked', actor: null } as const;
    return userids.map((userid) => () => this.sessions.endPresented(userid, text, leak, client));
  }

  /** An app account's apitoken is public anyway: somebody who shows it must not close sign-up for all. */
  private async revokeApitoken(token: SecretToken, client: ClientInfo): Promise<void> {
    const owner = await this.apitokens.findForLogin(token);
    if (owner === null) return;
    const { userid, isApp, apitokenId } = owner;
    const event = { action: 'apitoken.leaked', actor: null, target: userid, client } as const;
    const detail = { apitoken: apitokenId, revoked: !isApp };
    if (isApp) {
      await inTransaction(this.dataSource, (tx) => this.audit.record(tx, { ...event, detail }));
      return;
    }
    await this.authority.change({ target: userid }, async (tx) => {
      await this.apitokens.remove(tx, userid, apitokenId);
      await this.audit.record(tx, { ...event, detail });
    });
  }

  private async voidCode(code: SecretToken, client: ClientInfo): Promise<void> {
    const [row]: { userid: string; secret_hash: string }[] = await this.dataSource.query(
      'SELECT userid, secret_hash FROM reset_codes WHERE id = $1',
      [code.id],
    );
    if (row === undefined || !isSecretOf(code.secret, row.secret_hash)) return;
    await inTransaction(this.dataSource, async (tx) => {
      await tx.query('DELETE FROM reset_codes WHERE id = $1', [code.id]);
      await this.audit.record(tx, { action: 'reset_code.leaked', actor: null, target: row.userid, client });
    });
  }
}
