import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { findBinary } from '../setup/debian-binary.js';
import { makeFolder } from '../setup/folders.js';
import { killWithUs } from '../setup/guard.js';
import { eventually } from './barrier.js';
import { freePort } from './ports.js';

/** Whom it runs as where we are root, which it refuses: nobody. */
const NOBODY = 65_534;

/** A real PgBouncer in transaction mode before one Postgres. */
export interface PgBouncer {
  /** The URL of a database of that Postgres, through it. */
  through(databaseUrl: string): string;
  stop(): Promise<void>;
}

/**
 * @param serverUrl of any database of the Postgres
 * @param connections to Postgres, for each database: few, so that every transaction meets another one's connection
 */
export async function startPgBouncer(serverUrl: string, connections: number): Promise<PgBouncer> {
  const dir = makeFolder('pgbouncer');
  const isRoot = process.getuid?.() === 0;
  const port = await freePort();
  const file = join(dir, 'pgbouncer.ini');
  const { hostname, port: serverPort, username, password } = new URL(serverUrl);
  const server = { host: hostname, port: serverPort || '5432', user: decodeURIComponent(username) };
  const secret = password === '' ? '' : ` password='${decodeURIComponent(password)}'`;
  const lines = [
    '[databases]',
    `* = host=${server.host} port=${server.port} user=${server.user}${secret}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    `default_pool_size = ${connections}`,
    'max_client_conn = 200',
    // Or PgBouncer rather than the service would be what waits.
    'query_wait_timeout = 10',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  if (isRoot) for (const path of [dir, file]) chownSync(path, NOBODY, NOBODY);
  // It becomes nobody by itself, when it is loaded: nobody need not be able to reach this folder.
  const as = isRoot ? ['-u', 'nobody'] : [];
  const child = spawn(findBinary('pgbouncer'), ['-q', ...as, file], { env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
  const release = killWithUs(child.pid!, dir);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const exit = once(child, 'close');
  const through = (databaseUrl: string) => {
    const url = new URL(databaseUrl);
    url.host = `127.0.0.1:${port}`;
    return url.href;
  };
  const stop = async () => {
    child.kill('SIGKILL');
    await exit;
    rmSync(dir, { recursive: true, force: true });
    release();
  };
  try {
    await eventually(() => {
      if (child.exitCode !== null) throw new Error(`PgBouncer does not start: ${log}${readFileSync(file, 'utf8')}`);
      return answers(through(serverUrl));
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { through, stop };
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
