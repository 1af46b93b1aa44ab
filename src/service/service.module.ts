import { Module } from '@nestjs/common';
import { AuthorityModule } from '../authority/authority.module.js';
import { HealthController } from './health.controller.js';
import { PublicConfigController } from './public-config.controller.js';

/** What the service says of itself. */
@Module({ imports: [AuthorityModule], controllers: [HealthController, PublicConfigController] })
export class ServiceModule {}
