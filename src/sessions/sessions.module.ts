import { Module } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AuditModule } from '../audit/audit.module.js';
import { AuthorityModule } from '../authority/authority.module.js';
import { Config } from '../config/config.js';
import { PostgresSessionStore } from './postgres-session.store.js';
import { RedisSessionStore } from './redis-session.store.js';
import { SessionStore } from './session-store.js';
import { SessionsController } from './sessions.controller.js';
import { SessionsService } from './sessions.service.js';

@Module({
  imports: [AuditModule, AuthorityModule],
  controllers: [SessionsController],
  providers: [
    SessionsService,
    {
      provide: SessionStore,
      inject: [Config, ModuleRef],
      useFactory: (config: Config, modules: ModuleRef): Promise<SessionStore> =>
        modules.create<SessionStore>(config.sessionStore === 'redis' ? RedisSessionStore : PostgresSessionStore),
    },
  ],
  exports: [SessionsService],
})
export class SessionsModule {}
