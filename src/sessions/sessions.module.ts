import { Module, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AuditModule } from '../audit/audit.module.js';
import { AuthorityModule } from '../authority/authority.module.js';
import { Config } from '../config/config.js';
import { NearCache } from './near-cache.js';
import { PostgresSessionStore } from './postgres-session.store.js';
import { RedisSessionStore } from './redis-session.store.js';
import { SessionStore } from './session-store.js';
import { SessionsController } from './sessions.controller.js';
import { SessionsService } from './sessions.service.js';
import { TrackedSessionStore } from './tracked-session.store.js';

function storeOf({ sessionStore, sessionCache }: Config): Type<SessionStore> {
  if (sessionStore !== 'redis') return PostgresSessionStore;
  return sessionCache === 'tracked' ? TrackedSessionStore : RedisSessionStore;
}

@Module({
  imports: [AuditModule, AuthorityModule],
  controllers: [SessionsController],
  providers: [
    SessionsService,
    NearCache,
    {
      provide: SessionStore,
      inject: [Config, ModuleRef],
      useFactory: (config: Config, modules: ModuleRef): Promise<SessionStore> =>
        modules.create<SessionStore>(storeOf(config)),
    },
  ],
  exports: [SessionsService],
})
export class SessionsModule {}
