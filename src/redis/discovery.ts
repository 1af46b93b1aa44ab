import { redisNodes } from '../config/address-parsers.js';
import type { Config } from '../config/config.js';
import { discoverCluster } from './cluster-discovery.js';
import { discoverBySentinels } from './sentinel-discovery.js';

/** Which servers to work with, as asked just now. */
export interface Topology {
  /** One URL for each master. */
  readonly masters: readonly string[];
  /** Only of a Cluster. */
  readonly slots?: SlotMap;
}

/** Who has which slots, and a way to see that somebody else has them now. */
export interface SlotMap {
  /** By slot, the place in `masters`; 255 where nobody has it. */
  readonly ownerOf: Uint8Array;
  /** The same map gives the same text, whoever was asked. */
  readonly fingerprint: string;
}

/** Finds the masters anew. Throws where nobody can say who they are. */
export type Discover = () => Promise<Topology>;

/** How `REDIS_MODE` finds its masters. */
export function discovery({ redisMode, redisSentinelName }: Config, redisUrl: string): Discover {
  const named = redisNodes(redisUrl);
  if (redisMode === 'sentinel') return () => discoverBySentinels(named, redisSentinelName);
  if (redisMode === 'cluster') return discoverCluster(named);
  return () => Promise.resolve({ masters: named });
}
