import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readlinkSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { existsProcess } from './embedded-postgres-cluster.js';
import { POSTGRES_ENV, type PostgresFiles } from './embedded-postgres-files.js';

/** A fast shutdown writes one checkpoint; after this long the server is told to go without it. */
const STOP_TIMEOUT_MS = 20_000;
const POLL_MS = 20;
/** A log that has grown beyond this is set aside at the next start, and the one before it dropped. */
const LOG_BYTES = 5 * 1024 * 1024;

const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // Statements and the details of errors may hold what people typed.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
};

/** What was committed outlives the server being killed, but no power cut. */
const NOT_DURABLE: Record<string, string> = {
  fsync: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
};

/** A server that runs; it has no port yet in its first moments. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number | undefined;
}

/**
 * The server that runs on `data`, undefined if none does. A postmaster.pid that a crash left behind counts for
 * nothing, and is removed where its number is another process's now, because Postgres would shrink back from it.
 */
export function readPostmaster(data: string): Postmaster | undefined {
  const text = readPidFile(data);
  const lines = text?.split('\n') ?? [];
  const pid = Number(lines[0]);
  if (text === undefined || !(pid > 0) || !existsProcess(pid)) return undefined;
  if (isPostmasterOf(pid, data)) return { pid, port: Number(lines[3]) || undefined };
  if (existsProcess(pid) && readPidFile(data) === text) rmSync(join(data, 'postmaster.pid'), { force: true });
  return undefined;
}

function readPidFile(data: string): string | undefined {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A zombie, which has no command line any more, is no postmaster. */
function isPostmasterOf(pid: number, data: string): boolean {
  try {
    if (process.platform !== 'linux') {
      return execFileSync('/bin/ps', ['-o', 'command=', '-p', `${pid}`]).includes(data);
    }
    return readFileSync(`/proc/${pid}/cmdline`).includes(data) || readlinkSync(`/proc/${pid}/cwd`) === data;
  } catch {
    return false;
  }
}

/**
 * Starts the server, in a session of its own so that a Ctrl-C in our terminal does not reach it. It is ready, or
 * has ended with a line in its log, some time later.
 */
export function spawnPostgres(
  files: PostgresFiles,
  port: number,
  durable: boolean,
  settings: Record<string, string>,
): ChildProcess {
  const all = { ...SETTINGS, ...(durable ? {} : NOT_DURABLE), ...settings, port: `${port}` };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  if (existsSync(files.log) && statSync(files.log).size > LOG_BYTES) renameSync(files.log, `${files.log}.1`);
  const log = openSync(files.log, 'a', 0o600);
  const child = spawn(join(files.native, 'bin/postgres'), ['-D', files.data, ...flags], {
    cwd: '/',
    env: POSTGRES_ENV,
    detached: true,
    stdio: ['ignore', log, log],
    ...files.user,
  });
  closeSync(log);
  // One that cannot be started is one that does not run.
  child.on('error', () => undefined);
  child.unref();
  return child;
}

export function isRunning(child: ChildProcess | undefined): boolean {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

export function lastLogLine(files: PostgresFiles): string {
  return readFileSync(files.log, 'utf8').trim().split('\n').at(-1) ?? '';
}

/** Shuts the server on `data` down, connections or not, and waits until it is gone. */
export async function stopPostmaster(data: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    const running = readPostmaster(data);
    if (running === undefined) return;
    signalIfThere(running.pid, signal);
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while (isPostmasterOf(running.pid, data) && Date.now() < deadline) await wait(POLL_MS);
  }
  if (readPostmaster(data) !== undefined) throw new Error(`PostgreSQL in ${data} does not stop`);
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A TCP port of 127.0.0.1 that nobody had a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
