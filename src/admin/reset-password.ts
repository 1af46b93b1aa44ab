import { setTimeout as sleep } from 'node:timers/promises';
import { Module, type DynamicModule, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PinoLogger } from 'nestjs-pino';
import { foundations } from '../app.module.js';
import { TruthService } from '../authority/truth.service.js';
import { AuthorityModule } from '../authority/authority.module.js';
import { NestLogger } from '../bootstrap/nest-logger.js';
import { StartupError } from '../bootstrap/startup-error.js';
import { UsersModule } from '../users/users.module.js';
import { UsersService } from '../users/users.service.js';
import { foldUsername } from '../common/username.js';
import type { Host, HostCommand } from './host-command.js';

/** How long Postgres and Redis have to be confirmed, beyond the lease that a new process waits, in ms. */
const PATIENCE_MS = 3000;
const LOOK_MS = 20;

/** The way back for an admin who has lost the password: a one-time code, as an admin would issue it. */
export const resetPassword: HostCommand = {
  parameters: ['username'],
  help: 'prints a one-time code with which that user sets a new password',
  async run(host: Host, given: string): Promise<void> {
    const context = await openContext(host);
    try {
      const users = context.get(UsersService);
      const user = await users.findByUsername(foldUsername(given) ?? '');
      if (user === null || user.status === 'deleted') throw new StartupError('there is no such user');
      await confirmTruth(context.get(TruthService), host);
      const { code, expiresAt } = await users.issueResetCode(user.userid, null, null);
      host.say(`code: ${code}`);
      host.say(`good until ${expiresAt.toISOString()}, once: POST /v1/auth/password-reset`);
      if (user.status === 'disabled') host.say('the account is disabled, and stays so');
    } finally {
      await context.close();
    }
  },
};

/** The part of the service that keeps users, without its doors. */
@Module({})
class HostModule {
  static forRoot({ config, logger }: Host): DynamicModule {
    return { module: HostModule, imports: [...foundations(config, logger), AuthorityModule, UsersModule] };
  }
}

async function openContext(host: Host): Promise<INestApplicationContext> {
  const context = await NestFactory.createApplicationContext(HostModule.forRoot(host), {
    bufferLogs: true,
    abortOnError: false,
  });
  context.useLogger(new NestLogger(await context.resolve(PinoLogger)));
  return context;
}

/** A change needs the lease, here as anywhere. */
async function confirmTruth(truth: TruthService, { config }: Host): Promise<void> {
  let fatal: string | undefined;
  truth.onFatal((reason) => (fatal = reason));
  truth.start();
  const deadline = performance.now() + config.truthLeaseMs + PATIENCE_MS;
  while (!truth.ready) {
    if (fatal !== undefined) throw new StartupError(fatal);
    if (performance.now() > deadline) {
      throw new StartupError('Postgres and Redis could not be confirmed: nothing was changed');
    }
    await sleep(LOOK_MS);
  }
}
