import { Module } from '@nestjs/common';
import { ApitokensModule } from '../apitokens/apitokens.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { AuthorityModule } from '../authority/authority.module.js';
import { LimitsModule } from '../limits/limits.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { SignupService } from './signup.service.js';
import { UsersController } from './users.controller.js';
import { UsersService } from './users.service.js';

/**
 * The accounts. A new user comes with a first apitoken, so this module stands above apitokens, which never imports it:
 * one arrow, and all routes of users in one controller.
 */
@Module({
  imports: [ApitokensModule, AuditModule, AuthorityModule, LimitsModule, PasswordsModule],
  controllers: [UsersController],
  providers: [SignupService, UsersService],
  exports: [SignupService, UsersService],
})
export class UsersModule {}
