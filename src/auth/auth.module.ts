import { Module, type DynamicModule } from '@nestjs/common';
import { ApitokensModule } from '../apitokens/apitokens.module.js';
import { AreasModule } from '../areas/areas.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { AuthorityModule } from '../authority/authority.module.js';
import type { Config } from '../config/config.js';
import { LEAKED_CREDENTIALS } from '../http/credentials-in-url.js';
import { LimitsModule } from '../limits/limits.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { UsersModule } from '../users/users.module.js';
import { ApitokenByPasswordService } from './apitoken-by-password.service.js';
import { AuthController } from './auth.controller.js';
import { BasicService } from './basic.service.js';
import { AccessGuard } from './guards/access.guard.js';
import { KnownSources } from './known-sources.js';
import { LeakedCredentials } from './leaked-credentials.js';
import { LoginLimits } from './login-limits.js';
import { LoginOutcomes } from './login-outcomes.js';
import { LoginService } from './login.service.js';
import { OwnPasswordService } from './own-password.service.js';
import { PasswordProof } from './password-proof.service.js';
import { Rehashing } from './rehashing.js';
import { AccesstokenStrategy } from './strategies/accesstoken.strategy.js';
import { ApitokenStrategy } from './strategies/apitoken.strategy.js';
import { BasicStrategy } from './strategies/basic.strategy.js';
import { CookieStrategy } from './strategies/cookie.strategy.js';
import { WebLoginController, WebSignupController } from './web-auth.controller.js';
import { WebFailures } from './web-failures.js';
import { WebLoginService } from './web-login.service.js';

/** Who calls, and may they: the only module that knows all others. */
@Module({
  imports: [
    ...[ApitokensModule, AreasModule, AuditModule, AuthorityModule],
    ...[LimitsModule, PasswordsModule, SessionsModule, UsersModule],
  ],
  controllers: [AuthController, WebLoginController],
  providers: [
    AccesstokenStrategy,
    ApitokenStrategy,
    BasicStrategy,
    CookieStrategy,
    AccessGuard,
    LoginService,
    LoginLimits,
    LoginOutcomes,
    KnownSources,
    WebFailures,
    OwnPasswordService,
    PasswordProof,
    Rehashing,
    BasicService,
    ApitokenByPasswordService,
    WebLoginService,
    { provide: LEAKED_CREDENTIALS, useClass: LeakedCredentials },
  ],
  exports: [AccessGuard, AccesstokenStrategy],
})
export class AuthModule {
  /** With web sign-up where it is open: what is closed has no route. */
  static forRoot({ webSignup }: Config): DynamicModule {
    return { module: AuthModule, controllers: webSignup === 'open' ? [WebSignupController] : [] };
  }
}
