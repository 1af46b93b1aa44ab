import { ModulesContainer, NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { PinoLogger } from 'nestjs-pino';
import type { Logger } from 'pino';
import { AppModule } from '../app.module.js';
import type { Config } from '../config/config.js';
import { configureApp, createAdapter } from '../configure-app.js';
import { serveDocs } from '../service/docs.js';
import { logRequests } from '../service/request-log.js';
import { requireDeclaredAccess } from '../service/route-access.js';
import { NestLogger } from './nest-logger.js';

/**
 * The application, whole but not yet listening; main and the tests make it alike. `config.databaseUrl` must be set,
 * and the schema be there.
 * @throws Error where a route does not declare who may call it.
 */
export async function createApp(config: Config, logger: Logger): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.forRoot(config, logger),
    createAdapter(config),
    { bufferLogs: true, abortOnError: false },
  );
  app.useLogger(new NestLogger(await app.resolve(PinoLogger)));
  requireDeclaredAccess(app.get(ModulesContainer));
  configureApp(app, config);
  if (config.swaggerUi) serveDocs(app);
  logRequests(app, logger);
  return app;
}
