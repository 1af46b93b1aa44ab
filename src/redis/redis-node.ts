import { redisInsStore, type RedisStore } from 'cache-manager-redis-yet';
import type { RedisClient } from './redis-client.js';

/** What a heartbeat wants to know of a server, or of all masters of a Cluster as one. */
export interface RedisServer {
  readonly isMaster: boolean;
  /** Changes with every restart, promotion and re-pointing; another one for each numbered database. */
  readonly lineage: string;
  readonly version: string;
  /** `standalone`, `sentinel` or `cluster`. */
  readonly mode: string;
  /** In bytes; no limit where the server has none. */
  readonly memory: { readonly used: number; readonly limit?: number };
  /** `undefined` where the server does not say. */
  readonly maxmemoryPolicy: string | undefined;
}

/** One connection to one server that keeps keys. */
export class RedisNode {
  /** cache-manager's view of the connection: get, set, mget and del of JSON values. */
  readonly store: RedisStore;
  /** What Redis's clock said, in Unix ms, and when it was asked, on ours that never jumps. */
  private clock: { readonly redisMs: number; readonly askedAt: number } | undefined;

  constructor(readonly client: RedisClient) {
    this.store = redisInsStore(client);
  }

  /** Redis's time in Unix ms, by what it told the last heartbeat: never behind it, ahead by a round trip at most. */
  get nowMs(): number {
    if (this.clock === undefined) throw new Error('Redis has not told its time yet');
    return this.clock.redisMs + performance.now() - this.clock.askedAt;
  }

  /** Another database of one server is another Redis: who looks into that one sees no fence of this one. */
  private get database(): string {
    const { database = 0 } = this.client.options;
    return database === 0 ? '' : `/${database}`;
  }

  /** Asks the server what it is. Throws where it does not answer. */
  async inspect(): Promise<RedisServer> {
    const askedAt = performance.now();
    const info = parseInfo(await this.client.sendCommand<string>(['INFO', 'server', 'replication', 'memory']));
    this.clock = { redisMs: Number(info['server_time_usec']) / 1000, askedAt };
    return {
      isMaster: info['role'] === 'master',
      lineage: `${info['run_id']}:${info['master_replid']}${this.database}`,
      version: info['redis_version'] ?? '0',
      mode: info['redis_mode'] ?? 'standalone',
      memory: memoryOf(info),
      maxmemoryPolicy: info['maxmemory_policy'],
    };
  }
}

/** The masters of a Cluster as one: as old as the oldest, as unfit as the least fit, all of their lineages. */
export function together(servers: readonly RedisServer[]): RedisServer {
  const lineages = servers.map(({ lineage }) => lineage).toSorted();
  const versions = servers.map(({ version }) => version);
  const policies = servers.map(({ maxmemoryPolicy }) => maxmemoryPolicy);
  return {
    isMaster: servers.every(({ isMaster }) => isMaster),
    lineage: lineages.join(','),
    version: versions.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))[0] ?? '0',
    mode: servers[0]?.mode ?? 'standalone',
    memory: fullest(servers.map(({ memory }) => memory)),
    maxmemoryPolicy: policies.find((policy) => policy !== 'noeviction' && policy !== undefined) ?? policies[0],
  };
}

function memoryOf(info: Record<string, string>): RedisServer['memory'] {
  const [used, limit] = [Number(info['used_memory'] ?? 0), Number(info['maxmemory'] ?? 0)];
  return limit > 0 ? { used, limit } : { used };
}

/** Of several servers the one that is full first. */
function fullest(memories: readonly RedisServer['memory'][]): RedisServer['memory'] {
  const share = ({ used, limit = Infinity }: RedisServer['memory']) => used / limit;
  return memories.toSorted((a, b) => share(b) - share(a) || b.used - a.used)[0] ?? { used: 0 };
}

/** The fields of INFO and of CLUSTER INFO. */
export function parseInfo(text: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1);
  }
  return fields;
}
