/**
 * What a restart costs those who call meanwhile: `npm run test:rolling-restart`. Real HAProxy with deploy/haproxy, two
 * processes, Postgres and Redis; 32 kept connections, a quarter of the calls POST. One line for each way to restart;
 * exit code 1 where a promise is broken. `-- 20000 SIGUSR2`: fewer requests than 90,000, and one way alone; `reload` is that of HAProxy.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startServices } from '../setup/services.js';
import { createTestDatabase } from '../setup/test-database.js';
import { createTestRedis } from '../setup/test-redis.js';
import { eventually } from '../support/barrier.js';
import { FIRST_ACCOUNTS_ENV } from '../support/first-accounts.js';
import { bothServe, startHaproxy, type Haproxy } from '../support/haproxy.js';
import { freePort } from '../support/ports.js';
import { processEnv, startService, type ServiceProcess } from '../support/service-process.js';
import { Crowd, type Tally } from './crowd.js';

const [requests, only] = process.argv.slice(2);
const REQUESTS = Number(requests ?? 90_000);
const RESTARTS = 4;
const CLIENTS = 32;
/** Every kept connection has moved to the new worker by then. */
const BETWEEN_RELOADS_MS = 2000;
/** Until a process is ready on cores that have other work. */
const PATIENCE_MS = 120_000;

type Env = Readonly<Record<string, string>>;

/** The processes behind the proxy, and a way to replace all of them in turn. */
interface Site {
  readonly haproxy: Haproxy;
  /** Of one process. */
  readonly url: string;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

interface Way {
  readonly name: string;
  start(env: Env): Promise<Site>;
  /** Whether a request that changes something may fail. */
  readonly mayLosePosts: boolean;
  /** Of all requests that are wanted. */
  readonly share: number;
  /** Of each caller after each answer, in ms. */
  readonly pauseMs: number;
}

const ORDERLY = { mayLosePosts: false, share: 1, pauseMs: 0 } as const;
// Not without a pause: where the cores have no time left, a killed process keeps its connections until its hashing
// threads, which are nice, have got enough to die.
const KILLED = { mayLosePosts: true, share: 1 / 3, pauseMs: 200 } as const;

const WAYS: readonly Way[] = [
  { name: 'SIGTERM', start: (env) => twoProcesses(env, 'SIGTERM'), ...ORDERLY },
  { name: 'SIGUSR2', start: twoWorkers, ...ORDERLY },
  { name: 'reload', start: proxyAlone, ...ORDERLY },
  { name: 'SIGKILL', start: (env) => twoProcesses(env, 'SIGKILL'), ...KILLED },
];

const stopServices = await startServices();
try {
  for (const way of WAYS.filter(({ name }) => only === undefined || name === only)) {
    if (!(await measure(way))) process.exitCode = 1;
  }
} finally {
  await stopServices();
}

/** Each process by itself, ended by the signal and started again on its port. */
async function twoProcesses(env: Env, signal: 'SIGTERM' | 'SIGKILL'): Promise<Site> {
  const ports = [await freePort(), await freePort()];
  const start = (at: number) => startReady({ ...env, PORT: String(ports[at]) });
  const services = [await start(0), await start(1)];
  const haproxy = await startHaproxy({ processes: [`127.0.0.1:${ports[0]}`, `127.0.0.1:${ports[1]}`] });
  const restart = async () => {
    for (const at of [0, 1]) {
      const code = await services[at]!.end(signal);
      if (signal === 'SIGTERM' && code !== 0) throw new Error(`exit code ${code}: ${services[at]!.stderr()}`);
      services[at] = await start(at);
      await bothServe(haproxy);
    }
  };
  const stop = async () => {
    await haproxy.stop();
    for (const service of services) await service.end('SIGKILL');
  };
  return { haproxy, url: services[0]!.url, restart, stop };
}

/** Two that share a port, which their first process replaces. */
async function twoWorkers(env: Env): Promise<Site> {
  const service = await startReady({ ...env, WEB_CONCURRENCY: '2' });
  await eventually(() => count(service, 'listening on') === 2, PATIENCE_MS);
  const address = new URL(service.url).host;
  const haproxy = await startHaproxy({ processes: [address, address] });
  const restart = async () => {
    const before = count(service, 'rolling restart: done');
    service.child.kill('SIGUSR2');
    await eventually(() => {
      if (count(service, 'rolling restart: given up') > 0) throw new Error('the rolling restart was given up');
      return count(service, 'rolling restart: done') > before;
    }, PATIENCE_MS);
  };
  const stop = async () => {
    await haproxy.stop();
    await service.end('SIGTERM');
  };
  return { haproxy, url: service.url, restart, stop };
}

/** The processes stay; the proxy reads its configuration again. */
async function proxyAlone(env: Env): Promise<Site> {
  const services = [await startReady(env), await startReady(env)] as const;
  const addresses = services.map(({ url }) => new URL(url).host) as [string, string];
  const haproxy = await startHaproxy({ processes: addresses });
  const restart = async () => {
    await haproxy.reload();
    await sleep(BETWEEN_RELOADS_MS);
  };
  const stop = async () => {
    await haproxy.stop();
    for (const service of services) await service.end('SIGKILL');
  };
  return { haproxy, url: services[0].url, restart, stop };
}

async function startReady(env: Env): Promise<ServiceProcess> {
  const service = await startService(env, 'dist/main.js');
  await service.ready();
  return service;
}

function count(service: ServiceProcess, text: string): number {
  return service.stdout().split(text).length - 1;
}

/** Whether what is promised held. */
async function measure(way: Way): Promise<boolean> {
  const database = await createTestDatabase();
  const redis = await createTestRedis();
  const site = await way.start(
    processEnv({
      ...FIRST_ACCOUNTS_ENV,
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      DRAIN_SECONDS: '1',
      // It takes longer than the five minutes for which a login is fresh.
      REAUTH_SECONDS: '86400',
    }),
  );
  try {
    const { url, certificate } = site.haproxy;
    const crowd = await Crowd.start(site.url, { url, certificate, callers: CLIENTS, pauseMs: way.pauseMs });
    const since = performance.now();
    let restarts = 0;
    for (; restarts < RESTARTS || crowd.count < REQUESTS * way.share; restarts += 1) await site.restart();
    await crowd.end();
    const seconds = Math.round((performance.now() - since) / 1000);
    const areas = await areasOf(database.url);
    return report(way, crowd.tally, areas, { restarts, seconds });
  } finally {
    await site.stop();
    await redis.stop();
    await database.drop();
  }
}

/** The names of the areas that there are. */
async function areasOf(connectionString: string): Promise<Set<string>> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows } = await client.query<{ name: string }>('SELECT name FROM areas');
  await client.end();
  return new Set(rows.map(({ name }) => name));
}

/** Prints the line; gives whether what is promised held. */
function report(
  { name, mayLosePosts }: Way,
  { asked, failed, failures, made, refused }: Tally,
  areas: ReadonlySet<string>,
  { restarts, seconds }: Readonly<Record<'restarts' | 'seconds', number>>,
): boolean {
  const lost = [...made].filter((area) => !areas.has(area)).length;
  const madeAnyway = [...refused].filter((area) => areas.has(area)).length;
  const why = Object.entries(failures).map(([what, times]) => `${times} ${what}`);
  const words = [
    `requests ${asked.GET + asked.POST} (GET ${asked.GET}, POST ${asked.POST})`,
    `failed ${failed.GET + failed.POST} (GET ${failed.GET}, POST ${failed.POST})${why.length > 0 ? `: ${why.join(', ')}` : ''}`,
    `acknowledged and lost ${lost}`,
    `refused and done ${madeAnyway}`,
    `restarts ${restarts}`,
    `seconds ${seconds}`,
  ];
  const held = lost === 0 && madeAnyway === 0 && failed.GET === 0 && (mayLosePosts || failed.POST === 0);
  process.stdout.write(`${name}: ${words.join('; ')}: ${held ? 'as promised' : 'BROKEN'}\n`);
  return held;
}
