import cluster from 'node:cluster';
import { setFlagsFromString } from 'node:v8';
import type { Logger } from 'pino';
import { endWithinMs } from './bootstrap/end-within.js';
import { ensureFirstAccounts } from './bootstrap/first-accounts.js';
import { firstStartText, visitableUrl } from './bootstrap/first-start.js';
import type { NewAccount } from './bootstrap/insert-account.js';
import { loadConfigOrExit } from './bootstrap/load-config.js';
import { createLogger } from './bootstrap/logger.js';
import { openDatabase } from './bootstrap/open-database.js';
import { openMetrics } from './bootstrap/open-metrics.js';
import { prepareDatabase } from './bootstrap/prepare-database.js';
import { ACCIDENT, Processes } from './bootstrap/processes.js';
import { run, type Opened } from './bootstrap/run.js';
import { Worker } from './bootstrap/worker.js';
import type { Config } from './config/config.js';

// What V8 has seen survive it makes where only a full collection looks, and whatever hangs on that stays until then too.
// A busy server's requests look to it as if they survived: docs/adr/0012.
setFlagsFromString('--no-allocation-site-pretenuring');

const config = loadConfigOrExit();
const logger = createLogger(config);

process.on('uncaughtException', (error) => {
  logger.fatal({ err: error }, 'an error that nobody caught');
  process.exit(cluster.isWorker ? ACCIDENT : 1);
});

let processes: Processes | undefined;
// Without a listener the signal would end the process.
process.on('SIGUSR2', () => {
  if (processes === undefined) logger.warn('SIGUSR2: there is nothing to restart in turn');
  else void processes.roll();
});

process.exit(await run(cluster.isWorker ? startWorker : startService, logger));

/** One process of several: the first one has made the database ready. */
async function startWorker(opened: Opened, fatal: (reason: string) => void): Promise<void> {
  const stop = () => process.kill(process.pid, 'SIGTERM');
  const handOver = () => {
    // Why it does not serve, where it does not, is told below.
    serving.then(({ leavePort }) => leavePort()).catch(() => undefined);
    stop();
  };
  const orphaned = () => {
    logger.error('the first process is gone: this one ends');
    // Nobody is left who would kill it.
    setTimeout(() => process.exit(ACCIDENT), endWithinMs(config));
    stop();
  };
  const worker = new Worker(handOver, orphaned);
  const serving = loadService().then(({ serve }) => serve(config, logger, fatal, (truth) => worker.mayListen(truth)));
  opened.add(async (gracefully) => {
    worker.stop();
    await (await serving.catch(() => null))?.stop(gracefully);
  });
  const { url, metrics } = await serving;
  if (metrics !== undefined) (await import('./metrics/shared-metrics.js')).tellMetrics(metrics);
  logger.info(`listening on ${url}`);
}

async function startService(opened: Opened, fatal: (reason: string) => void): Promise<void> {
  for (const warning of config.warnings) logger.warn(warning);
  const ready = await openDatabase(config, logger, opened);
  const made = await prepareDatabase(ready, logger, (dataSource) =>
    ensureFirstAccounts(dataSource, ready, (warning) => logger.warn(warning)),
  );
  if (config.webConcurrency === 1) {
    tellOnce(made, await listen(ready, opened, fatal), logger);
    return;
  }
  // The others must find the embedded database; one that was configured they read themselves, secrets files and all.
  const env: Record<string, string> = config.databaseUrl === undefined ? { DATABASE_URL: ready.databaseUrl } : {};
  const terms = { count: config.webConcurrency, env, endWithinMs: endWithinMs(config) };
  processes = new Processes(terms, fatal, logger.child({ context: 'Processes' }));
  const text = async () => (await import('./metrics/shared-metrics.js')).sharedMetrics(processes!.serving);
  await openMetrics(config, text, opened, logger);
  opened.add(() => processes!.stop());
  await processes.start();
  tellOnce(made, visitableUrl(config.host, config.port), logger);
}

async function listen(ready: Config, opened: Opened, fatal: (reason: string) => void): Promise<string> {
  const { serve } = await loadService();
  // Opened before what they tell of, and so closed after it: the drain is told too.
  await openMetrics(config, async () => (await serving).metrics!.metrics(), opened, logger);
  const serving = serve(ready, logger, fatal);
  opened.add(async (gracefully) => (await serving.catch(() => null))?.stop(gracefully));
  const { url } = await serving;
  logger.info(`listening on ${url}`);
  return url;
}

/** The greater part of the program, which the first one of several processes does without. */
function loadService(): Promise<typeof import('./bootstrap/serve.js')> {
  return import('./bootstrap/serve.js');
}

/** In production nothing is printed: who configured the accounts knows them. */
function tellOnce(made: readonly NewAccount[], url: string, log: Logger): void {
  if (made.length === 0) return;
  log.info(`made the first accounts: ${made.map(({ username, role }) => `${username} (${role})`).join(', ')}`);
  if (config.environment !== 'production') process.stdout.write(firstStartText(made, url, config));
}
