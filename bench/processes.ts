import type { World } from './lib/contender.js';
import { load } from './lib/load.js';
import { startPostern, type RunningPostern } from './lib/postern.js';
import { median, table } from './lib/table.js';

const CONNECTIONS = 64;

/**
 * Guarded calls per second of two processes that share a port, beside those of one, in turns. The client needs a share
 * of a core too, and with `strict` Redis does: two cores are not free on a machine of two.
 */
export async function processes(world: World, { rounds, seconds }: { rounds: number; seconds: number }) {
  const rows: (string | number)[][] = [];
  const ratios: string[] = [];
  for (const cache of ['strict', 'tracked']) {
    const [one, two] = await inTurns(world, cache, rounds, seconds);
    rows.push([cache, one, two, (two / one).toFixed(2)]);
    ratios.push(`${cache} ${(two / one).toFixed(2)}`);
  }
  return {
    table: table(['', 'one process, calls/s', 'two processes, calls/s', 'ratio'], rows),
    line: `two processes give this much of what one gives: ${ratios.join(', ')} (goal 1.7 where two cores are free)`,
  };
}

async function inTurns(world: World, cache: string, rounds: number, seconds: number): Promise<[number, number]> {
  const started: RunningPostern[] = [];
  const perSecond: [number[], number[]] = [[], []];
  try {
    for (const count of ['1', '2']) {
      started.push(await startPostern(world, { SESSION_CACHE: cache, WEB_CONCURRENCY: count }));
    }
    for (let round = -1; round < rounds; round += 1) {
      for (const [at, { url, told }] of started.entries()) {
        const measured = await load(url, told, { connections: CONNECTIONS, seconds });
        // The first round warms up.
        if (round >= 0) perSecond[at]!.push(measured.perSecond);
      }
    }
  } finally {
    await Promise.all(started.map((server) => server.stop()));
  }
  return [median(perSecond[0]), median(perSecond[1])];
}
