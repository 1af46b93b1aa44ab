import { pino } from 'pino';
import { runCommand } from './admin/commands.js';
import { loadConfigOrExit } from './bootstrap/load-config.js';
import { createLogger } from './bootstrap/logger.js';
import { StartupError } from './bootstrap/startup-error.js';

const config = loadConfigOrExit();
// Stdout is for what the command has to say.
const logger = createLogger({ logLevel: 'warn' }, pino.destination({ fd: 2, sync: true }));

try {
  await runCommand(process.argv.slice(2), { config, logger, say: (line) => process.stdout.write(`${line}\n`) });
  process.exit(0);
} catch (error) {
  if (error instanceof StartupError) process.stderr.write(`${error.message}\n`);
  else logger.fatal({ err: error }, 'failed');
  process.exit(1);
}
