import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { LoggerModule } from 'nestjs-pino';
import type { Logger } from 'pino';
import { ApitokensModule } from './apitokens/apitokens.module.js';
import { AreasModule } from './areas/areas.module.js';
import { AuditModule } from './audit/audit.module.js';
import { AuthModule } from './auth/auth.module.js';
import { AccessGuard } from './auth/guards/access.guard.js';
import type { Config } from './config/config.js';
import { ConfigModule } from './config/config.module.js';
import { DatabaseModule } from './database/database.module.js';
import { Sweeper } from './database/sweeper.js';
import { PagesModule } from './pages/pages.module.js';
import { RedisModule } from './redis/redis.module.js';
import { RolesModule } from './roles/roles.module.js';
import { ServiceModule } from './service/service.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { UsersModule } from './users/users.module.js';

/** What everything stands on: configuration, log, database, Redis. */
export function foundations(config: Config, logger: Logger): DynamicModule[] {
  return [
    ConfigModule.forRoot(config),
    // Requests are logged by `logRequests`: a middleware would cost every call more than its check. Wrapped, the
    // logger's own way with errors would be passed by.
    LoggerModule.forRoot({ pinoHttp: { logger, wrapSerializers: false }, forRoutes: [] }),
    { module: DatabaseModule },
    { module: RedisModule },
  ];
}

/** The whole service. */
@Module({})
export class AppModule {
  static forRoot(config: Config, logger: Logger): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ...foundations(config, logger),
        ApitokensModule,
        AreasModule,
        AuditModule,
        AuthModule.forRoot(config),
        RolesModule,
        ServiceModule,
        SessionsModule,
        UsersModule,
        ...(config.webUi ? [PagesModule] : []),
      ],
      // Global guards run in the order of registration, so all stand here; the input guard follows them.
      providers: [{ provide: APP_GUARD, useExisting: AccessGuard }, Sweeper],
    };
  }
}
