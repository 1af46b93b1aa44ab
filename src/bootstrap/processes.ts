import cluster, { type Worker } from 'node:cluster';
import type { Logger } from 'pino';
import type { Opened } from './run.js';

/** A process of several that died by accident is replaced after this time, in ms. */
const REPLACE_MS = 1000;

/** How such a process ends when it met an error that nobody caught; with 1 it says that it must not go on. */
export const ACCIDENT = 70;

/**
 * Runs `count` processes that share the port (WEB_CONCURRENCY), each of them this program again. One that dies by
 * accident is replaced; one that could not start or must not go on (exit code 1) ends all, since the next would not
 * do better. Resolves when the first one listens.
 * @param env what they are told beside this process's own environment
 */
export async function runProcesses(
  count: number,
  env: Readonly<Record<string, string>>,
  { opened, fatal, logger }: { opened: Opened; fatal: (reason: string) => void; logger: Logger },
): Promise<void> {
  const running = new Map<Worker, Promise<void>>();
  let stopping = false;
  const start = () => {
    const worker = cluster.fork(env);
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    running.set(worker, gone);
    worker.once('exit', (code, signal) => {
      running.delete(worker);
      if (stopping) return;
      if (code === 1) return fatal('a process could not go on');
      logger.error(`process ${worker.process.pid} has died (${signal ?? code}): another one is started`);
      setTimeout(() => stopping || start(), REPLACE_MS);
    });
  };
  opened.add(async () => {
    stopping = true;
    for (const worker of running.keys()) worker.process.kill('SIGTERM');
    await Promise.all(running.values());
  });
  const listening = new Promise<void>((resolve) => cluster.once('listening', () => resolve()));
  for (let index = 0; index < count; index += 1) start();
  await listening;
}
