import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { attack, successesPerSecond } from './lib/attack.js';
import type { World } from './lib/contender.js';
import { loginRequest, startPostern } from './lib/postern.js';
import { median, quantile, table } from './lib/table.js';

const CORES = availableParallelism();
/** So that a hash always waits, and the queue (8 for each core) is never full. */
const CLIENTS = 4 * CORES;

/** Logins per second beside what the same cores give in bare hashes, in turns. */
export async function logins(world: World, { rounds, seconds }: { rounds: number; seconds: number }) {
  const server = await startPostern(world);
  const raw: number[] = [];
  const logins: number[] = [];
  const latencies: number[] = [];
  try {
    const requests = (await server.accounts(60)).map(loginRequest);
    for (let round = 0; round < rounds; round += 1) {
      raw.push(await rawHashes(seconds));
      const done = await attack(server.url, { requests, connections: CLIENTS, seconds });
      logins.push(successesPerSecond(done));
      latencies.push(...done.latencies);
    }
  } finally {
    await server.stop();
  }
  const share = median(logins.map((perSecond, at) => perSecond / raw[at]!));
  const rows = [
    ['Bare hashes (PBKDF2-HMAC-SHA-512, 220,000 rounds), a thread per core', median(raw), ''],
    [`Logins, ${CLIENTS} clients`, median(logins), `${quantile(latencies, 0.5).toFixed(0)} ms`],
  ];
  return {
    table: table(['', 'per second', 'median time'], rows),
    line: `logins: ${(share * 100).toFixed(0)} % of the raw hash rate of the same run (goal 90 %)`,
  };
}

async function rawHashes(seconds: number): Promise<number> {
  const program = join(import.meta.dirname, 'lib/raw-hash.mjs');
  const rates = Array.from({ length: CORES }, async () => {
    const [rate] = (await once(new Worker(program, { workerData: { seconds } }), 'message')) as [number];
    return rate;
  });
  return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
}
