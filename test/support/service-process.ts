import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { killWithUs } from '../setup/guard.js';
import { TEST_ENV } from './app.js';
import { eventually } from './barrier.js';
import { freePort } from './ports.js';

const ROOT = join(import.meta.dirname, '../..');
const BIN = join(ROOT, 'node_modules/.bin');
const TYPESCRIPT = join(ROOT, 'scripts/typescript.mjs');

/** Longer than a busy machine takes to compile the sources and to start. */
const PATIENCE_MS = 120_000;

/** A program of ours as a process of its own, run from the sources. */
export interface OwnProcess {
  readonly child: ChildProcess;
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  /** Sends a signal and waits for the end. Gives the exit code; null where a signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  readonly exit: Promise<number | null>;
}

export interface ServiceProcess extends OwnProcess {
  readonly url: string;
  /** Resolves when it listens; throws where it ends instead. */
  listening(): Promise<void>;
  /** Resolves when `/readyz` says 200. */
  ready(): Promise<void>;
}

/**
 * Runs the service; the environment is `env` and nothing of ours.
 * @param program `dist/main.js`, where it is built, starts in a fraction of the time
 * @param node the Node that runs it and its processes; default: the project's own
 */
export async function startService(
  env: Readonly<Record<string, string>>,
  program: 'src/main.ts' | 'dist/main.js' = 'src/main.ts',
  node?: string,
): Promise<ServiceProcess> {
  const port = env['PORT'] ?? String(await freePort());
  const own = startProgram(program, [], { ...env, PORT: port }, node);
  const url = `http://127.0.0.1:${port}`;
  const status = async (path: string) => (await fetch(`${url}${path}`)).status;
  const answers = (path: string, wanted: number) =>
    eventually(async () => {
      if (own.child.exitCode !== null) throw new Error(`it has ended: ${own.stdout()}${own.stderr()}`);
      return (await status(path).catch(() => 0)) === wanted;
    }, PATIENCE_MS);
  return { ...own, url, listening: () => answers('/livez', 200), ready: () => answers('/readyz', 200) };
}

/** Runs `src/admin.ts` to its end. */
export async function runAdmin(args: readonly string[], env: Readonly<Record<string, string>>) {
  const own = startProgram('src/admin.ts', args, env);
  const code = await own.exit;
  return { code, stdout: own.stdout(), stderr: own.stderr() };
}

/** What a test process needs beside `TEST_ENV`: no accounts are given. */
export function processEnv(more: Readonly<Record<string, string>>): Record<string, string> {
  const base = Object.entries(TEST_ENV).filter(([name]) => !/^(BOOTSTRAP_|PORT$)/.test(name));
  return { ...Object.fromEntries(base), LOG_LEVEL: 'info', ...more };
}

function startProgram(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  node = existsSync(join(BIN, 'node')) ? join(BIN, 'node') : process.execPath,
): OwnProcess {
  const sources = file.endsWith('.ts') ? ['--import', TYPESCRIPT] : [];
  const child = spawn(node, [...sources, join(ROOT, file), ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const release = killWithUs(child.pid!);
  const exit = once(child, 'close').then(([code]) => {
    release();
    return code as number | null;
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exit;
  };
  return { child, stdout: () => output.stdout, stderr: () => output.stderr, end, exit };
}
