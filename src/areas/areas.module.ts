import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { AuthorityModule } from '../authority/authority.module.js';
import { AreaAccessController } from './area-access.controller.js';
import { AreaListsController } from './area-lists.controller.js';
import { AreaListsService } from './area-lists.service.js';
import { AreasController } from './areas.controller.js';
import { AreasService } from './areas.service.js';

@Module({
  imports: [AuditModule, AuthorityModule],
  controllers: [AreasController, AreaListsController, AreaAccessController],
  providers: [AreasService, AreaListsService],
  exports: [AreasService],
})
export class AreasModule {}
