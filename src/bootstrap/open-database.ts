import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import { startEmbeddedPostgres } from '../database/embedded-postgres.js';
import { withDatabase } from './load-config.js';
import type { Opened } from './run.js';
import { StartupError } from './startup-error.js';

/**
 * The configuration with a database: the one it names, or the embedded Postgres, started or joined, which is left
 * again when everything is closed (the last one out stops it).
 * @throws StartupError where the embedded one cannot be had.
 */
export async function openDatabase(config: Config, logger: Logger, opened: Opened): Promise<Config & DatabaseUrl> {
  if (config.databaseUrl !== undefined) return config as Config & DatabaseUrl;
  const log = logger.child({ context: 'EmbeddedPostgres' });
  const starting = startEmbeddedPostgres({
    dir: join(config.dataDir, 'postgres'),
    onLine: (line) => log.info(line),
  });
  opened.add(async () => (await starting.catch(() => null))?.stop());
  try {
    const { url } = await starting;
    return withDatabase(config, url) as Config & DatabaseUrl;
  } catch (error) {
    throw new StartupError(error instanceof Error ? error.message : String(error));
  }
}

interface DatabaseUrl {
  readonly databaseUrl: string;
}
