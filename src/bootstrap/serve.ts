import type { Server } from 'node:http';
import { Server as NetServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { DataSource } from 'typeorm';
import { TruthService } from '../authority/truth.service.js';
import type { Config } from '../config/config.js';
import { fillPool } from '../database/database.module.js';
import { RedisService } from '../redis/redis.service.js';
import { createApp } from './create-app.js';
import { CLOSE_MS, LAST_ANSWERS_MS } from './end-within.js';
import { visitableUrl } from './first-start.js';
import { requireRedis } from './require-redis.js';
import { whyNotListening } from './startup-error.js';

/** How often connections that have become idle are closed while the last requests finish, in ms. */
const REAP_MS = 25;

/** The application, listening. */
export interface Serving {
  readonly app: NestFastifyApplication;
  readonly url: string;
  /** What it counts of itself, where METRICS_PORT asks for it. */
  readonly metrics: Registry | undefined;
  /** Un-ready, wait `DRAIN_SECONDS`, finish what runs, close. Without `gracefully` no wait and no last requests. */
  stop(gracefully: boolean): Promise<void>;
  /** Accepts no more connections, because other processes serve the port; those that it has are served as before. */
  readonly leavePort: () => void;
}

/**
 * Makes the application and listens, after a Redis that is there was found fit, the pool was filled and the heartbeat
 * has begun. Whether it is ready is for `/readyz` to say.
 * @param onFatal is told why this process must not go on
 * @param mayListen what it waits for before it listens, its heartbeat beating; default: nothing
 * @throws StartupError where it cannot start, and what `mayListen` throws.
 */
export async function serve(
  config: Config,
  logger: Logger,
  onFatal: (reason: string) => void,
  mayListen: (truth: TruthService) => Promise<void> = () => Promise.resolve(),
): Promise<Serving> {
  const app = await createApp(config, logger);
  const stop = (gracefully: boolean) => stopServing(app, config, gracefully);
  try {
    const metrics = await metricsOf(app, config);
    await app.init();
    await requireRedis(app.get(RedisService), logger, onFatal);
    await fillPool(app.get(DataSource));
    const truth = app.get(TruthService);
    truth.onFatal(onFatal);
    truth.start();
    await mayListen(truth);
    await listen(app, config);
    const server = serverOf(app);
    const { port } = server.address() as AddressInfo;
    // Not http's own `close`, which would end kept connections in the face of whoever is about to use them.
    const leavePort = () => void NetServer.prototype.close.call(server);
    return { app, url: visitableUrl(config.host, port), metrics, stop, leavePort };
  } catch (error) {
    await stop(false);
    throw error;
  }
}

/** Nobody pays for what he has not asked for: its library is not even loaded. */
async function metricsOf(app: NestFastifyApplication, { metricsPort }: Config): Promise<Registry | undefined> {
  if (metricsPort === undefined) return undefined;
  const { createMetrics } = await import('../metrics/metrics.js');
  return createMetrics(app);
}

async function listen(app: NestFastifyApplication, { host, port }: Config): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    throw whyNotListening(error, 'PORT', host, port);
  }
}

/**
 * The server closes before anything else does: Nest would take Redis and the lease away first, and what is still
 * under way would fail.
 */
async function stopServing(app: NestFastifyApplication, config: Config, gracefully: boolean): Promise<void> {
  const server = serverOf(app);
  if (gracefully) {
    app.get(TruthService).drain();
    // Whoever keeps a connection is asked to open the next one elsewhere, while this one still answers.
    server.prependListener('request', (_request, response) => response.setHeader('connection', 'close'));
    await sleep(config.drainSeconds * 1000);
    await closeServer(app, server);
  } else {
    server.closeAllConnections();
  }
  await Promise.race([app.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
}

/** Resolves when the last answer is out. */
async function closeServer(app: NestFastifyApplication, server: Server): Promise<void> {
  const reaper = setInterval(() => server.closeIdleConnections(), REAP_MS);
  const cut = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
  try {
    await app.getHttpAdapter().getInstance().close();
  } finally {
    clearInterval(reaper);
    clearTimeout(cut);
  }
}

function serverOf(app: NestFastifyApplication): Server {
  return app.getHttpServer();
}
