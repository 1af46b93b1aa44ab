import { Opened } from '../bootstrap/run.js';
import { openDatabase } from '../bootstrap/open-database.js';
import { requirePostgresVersion, requireSchema, withDataSource } from '../bootstrap/prepare-database.js';
import { StartupError } from '../bootstrap/startup-error.js';
import { isDependencyAway } from '../common/to-problem.js';
import { migrate } from '../database/data-source.js';
import { createAdmin } from './create-admin.js';
import { endAllSessions, newGeneration } from './generations.js';
import type { Host, HostCommand } from './host-command.js';
import { resetPassword } from './reset-password.js';

/** What `npm run admin -- …` takes; `npm run migrate` is one of them. */
const COMMANDS: Readonly<Record<string, HostCommand>> = {
  reset: resetPassword,
  create: createAdmin,
  'end-all-sessions': endAllSessions,
  'new-generation': newGeneration,
  migrate: {
    parameters: [],
    help: 'brings the schema up to date',
    async run({ config, say }: Host): Promise<void> {
      await withDataSource(config.databaseUrl, migrate);
      say('the schema is up to date');
    },
  },
};

/** How to call each command. */
export function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { parameters, help }]) => {
    const call = [name, ...parameters.map((parameter) => `<${parameter}>`)].join(' ');
    return `  ${call.padEnd(20)} ${help}\n`;
  });
  return `npm run admin -- <command>\n\n${lines.join('')}`;
}

/** The command and its values; null where there is none of that name, or it wants others. */
function find([name = '', ...values]: readonly string[]): { command: HostCommand; values: readonly string[] } | null {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name]! : undefined;
  return command?.parameters.length === values.length ? { command, values } : null;
}

/**
 * Runs one host command beside whatever else runs on this database, the embedded one too, which is started where
 * nobody else has, and stopped where nobody else stays.
 * @throws StartupError for what its user can mend, a wrong call among it.
 */
export async function runCommand(
  args: readonly string[],
  host: Omit<Host, 'config'> & { readonly config: Parameters<typeof openDatabase>[0] },
): Promise<void> {
  const found = find(args);
  if (found === null) throw new StartupError(usage());
  const opened = new Opened();
  try {
    const config = await openDatabase(host.config, host.logger, opened);
    await withDataSource(config.databaseUrl, async (dataSource) => {
      await requirePostgresVersion(dataSource);
      if (found.command !== COMMANDS['migrate']) await requireSchema(dataSource);
    });
    await found.command.run({ ...host, config }, ...found.values);
  } catch (error) {
    throw isDependencyAway(error) ? new StartupError(`Postgres or Redis is away: ${messageOf(error)}`) : error;
  } finally {
    await opened.close(true, host.logger);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}
