import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { AuthorityModule } from '../authority/authority.module.js';
import { RoleGrantsService } from './role-grants.service.js';
import { RolesController } from './roles.controller.js';
import { RolesService } from './roles.service.js';

@Module({
  imports: [AuditModule, AuthorityModule],
  controllers: [RolesController],
  providers: [RolesService, RoleGrantsService],
})
export class RolesModule {}
