import { createClient } from 'redis';
import { startRedis, type RedisServer } from './redis-server.js';
import { eventually } from './barrier.js';
import { freePort } from './ports.js';
import { SLOTS } from '../../src/redis/key-slot.js';

/** How long a silent server is waited for before it is taken for dead, in ms; a busy machine may be slow too. */
const DEAD_AFTER_MS = 2000;

/** Several servers that belong together, as `REDIS_URL` and `REDIS_MODE` name them. */
export interface RedisFleet {
  readonly env: Readonly<{ REDIS_URL: string; REDIS_MODE: 'sentinel' | 'cluster' }>;
  /** Every server that keeps keys, the first one a master when it began. */
  readonly servers: readonly RedisServer[];
  /** Which server has the keys now that the first one had, by whoever can say it; undefined while nobody can. */
  master(): Promise<RedisServer | undefined>;
  stop(): Promise<void>;
}

/** A server of a Cluster writes what it learns to the disk before it answers; on a busy machine that takes a while. */
const PATIENCE_MS = 10_000;
/** For one that may be killed or frozen, where another can be asked instead. */
const BRIEFLY_MS = 500;
/** While a Cluster forms: who is not answered within it forgets whom it was to meet, or takes a master for dead. */
const FORMING_MS = 30_000;
/** Whoever wants to be the next master, and is not elected, waits up to 10 s for its next try. */
const FAILOVER_MS = 60_000;

/** Sends one command and hangs up. Throws where the server is away. */
export function ask<T>(url: string, ...args: string[]): Promise<T> {
  return askWithin(PATIENCE_MS, url, args);
}

async function askWithin<T>(ms: number, url: string, args: readonly string[]): Promise<T> {
  const client = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: ms, socketTimeout: ms } });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.sendCommand([...args])) as T;
  } finally {
    client.destroy();
  }
}

/** Three masters, and one replica of the first. */
export async function startCluster(): Promise<RedisFleet> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(FORMING_MS), '--cluster-port'];
  const buses = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const servers = await startAll(buses.map((port) => ({ args: [...args, `${port}`] })));
  const [first, second, third, replica] = servers as [RedisServer, RedisServer, RedisServer, RedisServer];
  const thirds = [0, Math.floor(SLOTS / 3), Math.floor((2 * SLOTS) / 3), SLOTS];
  for (const [at, master] of [first, second, third].entries()) {
    await ask(master.url, 'CLUSTER', 'SET-CONFIG-EPOCH', `${at + 1}`);
    await ask(master.url, 'CLUSTER', 'ADDSLOTSRANGE', `${thirds[at]}`, `${thirds[at + 1]! - 1}`);
  }
  for (const { url } of [second, third, replica]) {
    await ask(url, 'CLUSTER', 'MEET', '127.0.0.1', `${first.port}`, `${buses[0]}`);
  }
  const known = async (server: RedisServer) => {
    const info = await ask<string>(server.url, 'CLUSTER', 'INFO');
    return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:4');
  };
  await everywhere(servers, known);
  const id = await ask<string>(first.url, 'CLUSTER', 'MYID');
  await ask(replica.url, 'CLUSTER', 'REPLICATE', id);
  await eventually(() => isInSync(replica));
  await everywhere(servers, async ({ url }) => (await ask<unknown[][]>(url, 'CLUSTER', 'SLOTS'))[0]!.length === 4);
  for (const { url } of servers) await ask(url, 'CONFIG', 'SET', 'cluster-node-timeout', `${DEAD_AFTER_MS}`);
  return {
    env: { REDIS_URL: urlOf(servers), REDIS_MODE: 'cluster' },
    servers,
    master: () => ownerOfFirstSlot(servers),
    stop: () => stopAll(servers),
  };
}

/**
 * A master, a replica, and three sentinels of which two must agree.
 * @param known gives the port under which all of them know the master; default: its own
 */
export async function startSentinels(
  known = (port: number): Promise<number> => Promise.resolve(port),
): Promise<RedisFleet> {
  const [master] = await startAll([{}]);
  const port = await known(master!.port);
  const [replica] = await startAll([{ args: ['--replicaof', '127.0.0.1', `${port}`] }]);
  await eventually(() => isInSync(replica!));
  const sentinels = await startAll([1, 2, 3].map(() => ({ sentinelOf: port, deadAfterMs: DEAD_AFTER_MS })));
  const servers = [master!, replica!];
  await everywhere(sentinels, async ({ url }) => {
    const told = await ask<Record<string, string>>(url, 'SENTINEL', 'MASTER', 'mymaster');
    return told['num-other-sentinels'] === '2' && told['num-slaves'] === '1';
  });
  return {
    env: { REDIS_URL: urlOf(sentinels), REDIS_MODE: 'sentinel' },
    servers,
    master: () => masterOfSentinels(sentinels, servers),
    stop: () => stopAll([...sentinels, ...servers]),
  };
}

/** Resolves when every replica has what its master has. */
export async function replicated({ servers }: RedisFleet): Promise<void> {
  for (const { url } of servers) {
    await eventually(async () => {
      const info = await ask<string>(url, 'INFO', 'replication');
      const offset = /^master_repl_offset:(\d+)/m.exec(info)?.[1];
      const behind = [...info.matchAll(/^slave\d+:.*offset=(\d+)/gm)].filter(([, at]) => at !== offset);
      return behind.length === 0;
    });
  }
}

/** Waits until another server than that is the master of its keys. */
export async function failedOver(redis: RedisFleet, old: RedisServer): Promise<void> {
  await eventually(async () => {
    const now = await redis.master();
    return now !== undefined && now !== old;
  }, FAILOVER_MS);
}

function urlOf(servers: readonly RedisServer[]): string {
  return `redis://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
}

async function startAll(options: readonly Parameters<typeof startRedis>[0][]): Promise<RedisServer[]> {
  const started = await Promise.allSettled(options.map((each) => startRedis(each)));
  const failed = started.find((each) => each.status === 'rejected');
  const servers = started.filter((each) => each.status === 'fulfilled').map(({ value }) => value);
  if (failed === undefined) return servers;
  await stopAll(servers);
  throw failed.reason;
}

async function stopAll(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}

async function everywhere(servers: readonly RedisServer[], condition: (server: RedisServer) => Promise<boolean>) {
  for (const server of servers) await eventually(() => condition(server));
}

async function isInSync({ url }: RedisServer): Promise<boolean> {
  return (await ask<string>(url, 'INFO', 'replication')).includes('master_link_status:up');
}

async function masterOfSentinels(sentinels: readonly RedisServer[], servers: readonly RedisServer[]) {
  const question = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster'];
  for (const { url } of sentinels) {
    try {
      const [, port] = await askWithin<[string, string]>(BRIEFLY_MS, url, question);
      return servers.find((server) => server.port === Number(port));
    } catch {
      // Slow for once: another one knows.
    }
  }
  return undefined;
}

async function ownerOfFirstSlot(servers: readonly RedisServer[]): Promise<RedisServer | undefined> {
  // The first one is what tests kill.
  for (const { url } of servers.toReversed()) {
    try {
      if (!(await askWithin<string>(BRIEFLY_MS, url, ['CLUSTER', 'INFO'])).includes('cluster_state:ok')) continue;
      const ranges = await askWithin<[number, number, [string, number]][]>(BRIEFLY_MS, url, ['CLUSTER', 'SLOTS']);
      const range = ranges.find(([from]) => from === 0);
      return servers.find(({ port }) => port === range?.[2][1]);
    } catch {
      // Killed or frozen: another one knows.
    }
  }
  return undefined;
}
