import type { Logger } from 'pino';
import type { Config } from '../config/config.js';

/** What a host command works with. */
export interface Host {
  readonly config: Config & { readonly databaseUrl: string };
  readonly logger: Logger;
  /** One line for whoever runs the command; the only place where its secrets are shown. */
  readonly say: (line: string) => void;
}

/** A command of `npm run admin`. It throws `StartupError` for what its user can mend. */
export interface HostCommand {
  /** Names of what must follow it. */
  readonly parameters: readonly string[];
  readonly help: string;
  run(host: Host, ...values: string[]): Promise<void>;
}
