import type { World } from './lib/contender.js';
import { costOf } from './lib/load.js';
import { startPostern, type RunningPostern } from './lib/postern.js';
import { median, table } from './lib/table.js';

const CONNECTIONS = 64;

/**
 * Guarded calls per second of two processes that share a port, beside those of one, in turns. The client needs a share
 * of a core too, and with `strict` Redis does: two cores are not free on a machine of two. What a call costs in CPU says
 * how much two would give that have a core each.
 */
export async function processes(world: World, { rounds, seconds }: { rounds: number; seconds: number }) {
  const rows: (string | number)[][] = [];
  const ratios: string[] = [];
  for (const cache of ['strict', 'tracked']) {
    const [one, two] = await inTurns(world, cache, rounds, seconds);
    const ratio = (two.perSecond / one.perSecond).toFixed(2);
    const withACoreEach = ((2 * one.micros) / two.micros).toFixed(2);
    rows.push([cache, one.perSecond, two.perSecond, ratio, one.micros, two.micros, withACoreEach]);
    ratios.push(`${cache} ${ratio} (by the CPU of a call ${withACoreEach} with a core each)`);
  }
  const head = ['', 'one process, calls/s', 'two, calls/s', 'ratio', 'one, µs CPU', 'two, µs CPU', 'ratio by CPU'];
  return {
    table: table(head, rows),
    line: `two processes give this much of what one gives: ${ratios.join(', ')}; goal 1.7 where two cores are free`,
  };
}

interface Speed {
  readonly perSecond: number;
  readonly micros: number;
}

async function inTurns(world: World, cache: string, rounds: number, seconds: number): Promise<[Speed, Speed]> {
  const started: RunningPostern[] = [];
  const speeds: [Speed[], Speed[]] = [[], []];
  try {
    for (const count of ['1', '2']) {
      started.push(await startPostern(world, { SESSION_CACHE: cache, WEB_CONCURRENCY: count }));
    }
    for (let round = -1; round < rounds; round += 1) {
      for (const [at, server] of started.entries()) {
        const speed = await costOf(server, server.told, { connections: CONNECTIONS, seconds });
        // The first round warms up.
        if (round >= 0) speeds[at]!.push(speed);
      }
    }
  } finally {
    await Promise.all(started.map((server) => server.stop()));
  }
  return [middle(speeds[0]), middle(speeds[1])];
}

function middle(speeds: readonly Speed[]): Speed {
  return { perSecond: median(speeds.map((each) => each.perSecond)), micros: median(speeds.map((each) => each.micros)) };
}
