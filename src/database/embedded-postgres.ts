import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { createCluster, POSTGRES_NAME } from './embedded-postgres-cluster.js';
import { findPostgresFiles, type PostgresFiles } from './embedded-postgres-files.js';
import {
  freePort,
  isRunning,
  lastLogLine,
  readPostmaster,
  spawnPostgres,
  stopPostmaster,
} from './embedded-postgres-process.js';

export interface EmbeddedPostgresOptions {
  /** The folder that belongs to this database alone; made where it is missing. */
  readonly dir: string;
  /** Told, a line at a time, what takes long or somebody should know of. */
  readonly onLine?: (line: string) => void;
  /** Beside or instead of the usual ones, if it is we who start the server. */
  readonly settings?: Record<string, string>;
  /** False, for tests: faster, and gone after a power cut. Default true. */
  readonly durable?: boolean;
}

export interface EmbeddedPostgres {
  readonly url: string;
  readonly port: number;
  /** True where the server ran already: another process shares it, or one that was killed left it behind. */
  readonly adopted: boolean;
  /** Leaves, and if nobody else is there stops the server and waits until it is gone. */
  stop(): Promise<void>;
}

/** Long enough for a recovery from the logs of a crash. */
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 20;
/** SQLSTATE of a connection that a fast shutdown ends. */
const ADMIN_SHUTDOWN = '57P01';
/** Between two tries to have a server again that went away while we used it. */
const RETRY_MS = 500;
/** A port that was free may be taken a moment later; another process may start the same server. */
const MOST_SPAWNS = 5;
/** Any number: held shared by each process that uses the server, alone by the one that stops it. */
const USERS_LOCK = 7_305_115;

/**
 * Starts the PostgreSQL that npm installed, on 127.0.0.1 and a free port, or joins the one that already runs on
 * this folder. The server is no child that dies with us: it outlives a Ctrl-C until `stop`, and a `kill -9`
 * until the next start. While we use it, a server that goes away is started again on its port.
 * @returns the server, ready, with the empty database and role `postern`
 * @throws Error of one line that says what to do
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dir, onLine = () => undefined, settings = {}, durable = true } = options;
  const files = findPostgresFiles(dir, onLine);
  if (!existsSync(files.data)) {
    onLine(`making a PostgreSQL database in ${files.data}`);
    await createCluster(files, durable);
  }
  const membership = new Membership(files, (port) => spawnPostgres(files, port, durable, settings), onLine);
  const { port, adopted } = await membership.join();
  return { url: membership.url(port), port, adopted, stop: () => membership.leave() };
}

/** One process's use of a server that others may use too. */
class Membership {
  private readonly password: string;
  /** Its shared lock says that we are here; it ends with us, however we end. */
  private presence: pg.Client | undefined;
  /** SQLSTATE with which the server has ended that connection while nothing was asked on it. */
  private endedBy: string | undefined;
  private port: number | undefined;
  private child: ChildProcess | undefined;
  private rejoining: Promise<void> | undefined;
  private leaving: Promise<void> | undefined;

  constructor(
    private readonly files: PostgresFiles,
    private readonly spawn: (port: number) => ChildProcess,
    private readonly onLine: (line: string) => void,
  ) {
    this.password = readFileSync(files.password, 'utf8');
  }

  url(port: number): string {
    return `postgres://${POSTGRES_NAME}:${this.password}@127.0.0.1:${port}/${POSTGRES_NAME}`;
  }

  async join(): Promise<{ port: number; adopted: boolean }> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (let spawns = 0; this.isWanted() && Date.now() < deadline; await wait(POLL_MS)) {
      const running = readPostmaster(this.files.data);
      if (running?.port !== undefined && (await this.joinServer(running.port))) {
        return { port: running.port, adopted: running.pid !== this.child?.pid };
      }
      if (running !== undefined || isRunning(this.child)) continue;
      if (spawns === MOST_SPAWNS) throw new Error(`PostgreSQL does not start: ${lastLogLine(this.files)}`);
      this.child = this.spawn(this.port ?? (await freePort()));
      spawns += 1;
    }
    throw new Error(`PostgreSQL in ${this.files.data} has not answered for ${START_TIMEOUT_MS / 1000} s`);
  }

  /** Once we leave, a server is waited for only if it is ours and must be stopped. */
  private isWanted(): boolean {
    return this.leaving === undefined || isRunning(this.child);
  }

  /** Idempotent: everybody who calls it waits for the same end. */
  leave(): Promise<void> {
    this.leaving ??= this.leaveOnce();
    return this.leaving;
  }

  private async joinServer(port: number): Promise<boolean> {
    const client = new pg.Client({
      connectionString: this.url(port),
      application_name: 'postern embedded',
      connectionTimeoutMillis: 2000,
      query_timeout: 5000,
      keepAlive: true,
    });
    // Without a listener a lost connection would end the process; what follows from it is done at its end.
    client.on('error', (error: Error & { code?: string }) => (this.endedBy = error.code));
    try {
      await client.connect();
      await client.query('SET statement_timeout = 0; SET lock_timeout = 0');
      // Waits for one who is stopping the server, and then fails with it.
      await client.query('SELECT pg_advisory_lock_shared($1)', [USERS_LOCK]);
    } catch (error) {
      await client.end();
      if ((error as pg.DatabaseError).code === '28P01')
        throw new Error(`${this.files.password} is not the password`, { cause: error });
      return false;
    }
    client.on('end', this.rejoin);
    this.presence = client;
    this.endedBy = undefined;
    this.port = port;
    return true;
  }

  private readonly rejoin = (): void => {
    this.presence = undefined;
    this.rejoining ??= this.rejoinUntilThere().finally(() => (this.rejoining = undefined));
  };

  private async rejoinUntilThere(): Promise<void> {
    this.onLine('PostgreSQL has gone away');
    while (this.presence === undefined && this.leaving === undefined && existsSync(this.files.data)) {
      await this.join().catch((error: Error) => this.onLine(error.message));
      if (this.presence === undefined) await wait(RETRY_MS);
    }
  }

  private async leaveOnce(): Promise<void> {
    await this.rejoining;
    const client = this.presence;
    if (client === undefined) return;
    client.removeListener('end', this.rejoin);
    try {
      await client.query('SELECT pg_advisory_unlock_shared($1)', [USERS_LOCK]);
      const { rows } = await client.query<{ alone: boolean }>('SELECT pg_try_advisory_lock($1) AS alone', [USERS_LOCK]);
      if (rows[0]?.alone === true) await stopPostmaster(this.files.data);
    } catch (error) {
      // It went away by itself, or another who left at the same moment is stopping it, its pid file still there. Said
      // between two questions, that is not what the next one fails with.
      const isStopping = [(error as { code?: string }).code, this.endedBy].includes(ADMIN_SHUTDOWN);
      if (!isStopping && readPostmaster(this.files.data) !== undefined) throw error;
    } finally {
      await client.end();
    }
  }
}
