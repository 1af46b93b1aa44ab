import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { killWithUs } from '../../test/setup/guard.js';
import { eventually } from '../../test/support/barrier.js';
import { freePort } from '../../test/support/ports.js';

const BENCH = join(import.meta.dirname, '..');
/** As the kernel reports CPU time in /proc: `getconf CLK_TCK`, 100 on every Linux that Node runs on. */
const TICK_MICROSECONDS = 10_000;

export interface Request {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Told extends Request {
  readonly login?: Request & { readonly body: unknown };
}

/** A server that runs as a process of its own. */
export interface Running {
  readonly url: string;
  readonly pid: number;
  /** The guarded call that is measured, and the login. */
  readonly told: Told;
  stop(): Promise<void>;
}

/** Something to be measured, under the name that the tables give it. */
export interface Contender {
  readonly name: string;
  readonly start: () => Promise<Running>;
}

/** What a program needs to know of this run. */
export interface World {
  readonly redisUrl: string;
  /** An empty database of the caller's own. */
  newDatabase(): Promise<string>;
  /** A migrated one. */
  newMigratedDatabase(): Promise<string>;
}

/** One of `bench/peers`: it prints what is to be asked of it when it is ready. */
export function peer(world: World, name: string, file: string, env: Record<string, string> = {}): Contender {
  return {
    name,
    start: async () => {
      const port = await freePort();
      const child = startNode([join(BENCH, 'peers', file)], {
        NODE_ENV: 'production',
        PORT: String(port),
        DATABASE_URL: await world.newDatabase(),
        REDIS_URL: world.redisUrl,
        ...env,
      });
      return running(child, port, await firstLine(child, name));
    },
  };
}

/** Runs Node with nothing of our environment; it does not outlive us. */
export function startNode(args: readonly string[], env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.once('exit', killWithUs(child.pid!));
  return child;
}

/** What a started child is to those who measure it. */
export function running(child: ChildProcess, port: number, told: Told): Running {
  const exit = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 5000);
    await exit;
    clearTimeout(hard);
  };
  return { url: `http://127.0.0.1:${port}`, pid: child.pid!, told, stop };
}

async function firstLine(child: ChildProcess, name: string): Promise<Told> {
  let output = '';
  child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(`${name} has ended: ${output}`);
    return /^\{.*\}$/m.test(output);
  }, 30_000);
  return JSON.parse(/^\{.*\}$/m.exec(output)![0]) as Told;
}

/** CPU time that the process and its children have used in all their threads, user and system, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!;
  const fields = afterName.split(' ');
  const own = (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS;
  return childrenOf(pid).reduce((sum, child) => sum + cpuMicroseconds(child), own);
}

/** Those that its main thread has started, which is the one that starts processes in Node. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** Memory that the process holds, in MiB. */
export function residentMebibytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1];
  return Number(kilobytes) / 1024;
}
