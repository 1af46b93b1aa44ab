import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { findBinary } from '../setup/debian-binary.js';
import { killWithUs } from '../setup/guard.js';
import { freePort } from './ports.js';

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Where it keeps `dump.rdb`, the append-only file and `redis.log`. */
  readonly dir: string;
  /** Sends a signal, and where it is one that ends the server waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Kills it, unsaved, and removes its folder unless that was given. Idempotent. */
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Default: a new one. To start from what another server saved, give that one's. */
  readonly dir?: string;
  /** Beside or instead of the usual settings: `['--appendonly', 'yes']`. */
  readonly args?: readonly string[];
  /** The program; default: the `redis-server` that tests run on. */
  readonly program?: string;
  /** Makes it a sentinel, one of those of which two must agree, that watches `mymaster` at this port. */
  readonly sentinelOf?: number;
  /** After how many ms of silence a sentinel takes the master for dead. */
  readonly deadAfterMs?: number;
}

const POLL_MS = 5;
const START_TIMEOUT_MS = 60_000;
/** Nothing evicted, nothing saved unless asked, and DEBUG for tests that want a slow or a failing server. */
const SETTINGS = ['--bind', '127.0.0.1', '--maxmemory-policy', 'noeviction', '--save', '', '--appendonly', 'no'];
const DEBUGGING = ['--enable-debug-command', 'local'];
const ENDING: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT'];

/**
 * A real `redis-server` of its own on 127.0.0.1, ready. It takes about as long to start as a database to be
 * emptied, so each test file that wants one has one, and may kill it, restart it and flush it.
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'postern-redis-'));
  for (let tries = 1; ; tries += 1) {
    const port = options.port ?? (await freePort());
    const child = spawnRedis(port, dir, options);
    if (await isReady(child, port)) return serverOf(child, port, dir, options.dir === undefined);
    child.kill('SIGKILL');
    const log = readFileSync(join(dir, 'redis.log'), 'utf8');
    // Somebody took the port that was free a moment ago.
    if (options.port === undefined && tries < 3 && log.includes('Address already in use')) continue;
    throw new Error(`redis-server does not start: ${log.trim().split('\n').slice(-3).join(' | ')}`);
  }
}

/** A sentinel writes what it learns into its own configuration. */
function sentinelArgs(port: number, dir: string, masterPort: number, deadAfterMs: number): string[] {
  const file = join(dir, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    `dir ${dir}`,
    'bind 127.0.0.1',
    `sentinel monitor mymaster 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds mymaster ${deadAfterMs}`,
    'sentinel failover-timeout mymaster 5000',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return [file, '--sentinel'];
}

function spawnRedis(port: number, dir: string, options: RedisServerOptions): ChildProcess {
  const log = openSync(join(dir, 'redis.log'), 'a');
  const { args = [], sentinelOf, deadAfterMs = 1000 } = options;
  const all =
    sentinelOf === undefined
      ? ['--port', `${port}`, '--dir', dir, ...SETTINGS, ...DEBUGGING, ...args]
      : sentinelArgs(port, dir, sentinelOf, deadAfterMs);
  const child = spawn(options.program ?? findBinary('redis-server'), all, { env: {}, stdio: ['ignore', log, log] });
  closeSync(log);
  return child;
}

function serverOf(child: ChildProcess, port: number, dir: string, isOurs: boolean): RedisServer {
  const pid = child.pid!;
  const exit = isRunning(child) ? once(child, 'exit') : Promise.resolve();
  const release = killWithUs(pid, ...(isOurs ? [dir] : []));
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    child.kill(signal);
    if (!ENDING.includes(signal)) return;
    await exit;
    if (!isOurs) release();
  };
  const stop = async () => {
    await kill();
    if (isOurs) rmSync(dir, { recursive: true, force: true });
    release();
  };
  return { url: `redis://127.0.0.1:${port}`, port, pid, dir, kill, stop };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (isRunning(child) && Date.now() < deadline) {
    const reply = await ping(port);
    if (reply !== undefined && !reply.startsWith('-LOADING')) return isRunning(child);
    await wait(POLL_MS);
  }
  return false;
}

/** The server's reply, undefined where there is none. */
function ping(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(1000, () => socket.destroy());
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(undefined));
  });
}
