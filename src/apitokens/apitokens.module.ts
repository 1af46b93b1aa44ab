import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { AuthorityModule } from '../authority/authority.module.js';
import { ApitokensController } from './apitokens.controller.js';
import { ApitokensService } from './apitokens.service.js';

/** Knows nothing of users but their rows; users stands above it, since a new user comes with a first apitoken. */
@Module({
  imports: [AuditModule, AuthorityModule],
  controllers: [ApitokensController],
  providers: [ApitokensService],
  exports: [ApitokensService],
})
export class ApitokensModule {}
