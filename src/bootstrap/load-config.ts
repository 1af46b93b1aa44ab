import { Config } from '../config/config.js';
import { ConfigError, loadConfigFromEnvironment } from '../config/env.js';

/** The configuration; where it cannot be used, every problem on a line of its own on stderr, and the process exits 1. */
export function loadConfigOrExit(): Config {
  try {
    return loadConfigFromEnvironment();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.problems.join('\n')}\n`);
    process.exit(1);
  }
}

/** The same configuration with the database that was started for it. */
export function withDatabase(config: Config, databaseUrl: string): Config {
  return Object.freeze(Object.assign(new Config(), config, { databaseUrl }));
}
