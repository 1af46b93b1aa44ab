import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { shutOutChanges } from '../authority/locked-rows.js';
import { takeOverTerms, withDataSource } from '../bootstrap/prepare-database.js';
import { StartupError } from '../bootstrap/startup-error.js';
import type { Host, HostCommand } from './host-command.js';

/**
 * Ends everybody's sessions with Postgres alone, so that it works while Redis is away. A process may honour an old one
 * until the lease has run out that it had when this was committed (design rule 10).
 */
export const endAllSessions: HostCommand = {
  parameters: [],
  help: "ends everybody's sessions",
  async run({ config, say }: Host): Promise<void> {
    const leaseMs = await withDataSource(config.databaseUrl, raiseWorld);
    await sleep(leaseMs);
    say("everybody's sessions are over");
  },
};

/** Takes over a changed lease or store (design rule 1); running processes with the old ones end. */
export const newGeneration: HostCommand = {
  parameters: [],
  help: 'takes over a changed TRUTH_LEASE_MS or SESSION_STORE',
  async run({ config, say }: Host): Promise<void> {
    const waitMs = await withDataSource(config.databaseUrl, (dataSource) => takeOverTerms(dataSource, config, true));
    await sleep(waitMs);
    say(`in force: TRUTH_LEASE_MS=${config.truthLeaseMs} SESSION_STORE=${config.sessionStore}`);
  },
};

/** Gives the lease in force, in ms. */
async function raiseWorld(dataSource: DataSource): Promise<number> {
  return dataSource.transaction(async (tx) => {
    await shutOutChanges(tx);
    const [rows]: [{ lease_ms: number }[], number] = await tx.query(
      'UPDATE generation SET world = world + 1, generation = $1 RETURNING lease_ms',
      [randomUUID()],
    );
    if (rows[0] === undefined) throw new StartupError('the service has never been started on this database');
    const event = { action: 'all_sessions.ended', actor: null, target: null, client: null } as const;
    await new AuditService(dataSource).record(tx, event);
    return rows[0].lease_ms;
  });
}
