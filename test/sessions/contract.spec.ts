import { createTestRedis } from '../setup/test-redis.js';
import { startCluster, startSentinels } from '../support/redis-fleet.js';
import { describeContract, type Place } from './contract.js';

async function singleRedis(): Promise<Place> {
  const { url, stop } = await createTestRedis();
  return { env: { REDIS_URL: url }, stop };
}

async function tracked(start: () => Promise<Place>): Promise<Place> {
  const { env, stop } = await start();
  return { env: { ...env, SESSION_CACHE: 'tracked' }, stop };
}

const PLACES: readonly (readonly [name: string, start: () => Promise<Place>])[] = [
  ['Postgres', () => Promise.resolve({ env: {}, stop: () => Promise.resolve() })],
  ['one Redis', singleRedis],
  ['Redis behind sentinels', startSentinels],
  ['a Redis Cluster', startCluster],
  ['one Redis, with a near cache', () => tracked(singleRedis)],
  ['a Redis Cluster, with a near cache', () => tracked(startCluster)],
];

for (const [name, start] of PLACES) describeContract(name, start);
