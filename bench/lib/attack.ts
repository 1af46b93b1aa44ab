import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Request } from './contender.js';

const PROGRAM = join(import.meta.dirname, 'attackers.mjs');

export interface Attack {
  readonly requests: readonly (Request & { readonly body: unknown })[];
  readonly connections: number;
  readonly seconds: number;
}

export interface Attacked {
  /** How many were answered, by status. */
  readonly counts: Readonly<Record<string, number>>;
  /** Of the ones that succeeded, in ms. */
  readonly latencies: readonly number[];
  readonly seconds: number;
}

/** Posts the requests in turn, in closed loops, from a process of its own. */
export async function attack(url: string, job: Attack): Promise<Attacked> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify({ url, ...job })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  return JSON.parse(output) as Attacked;
}

/** How many succeeded per second. */
export function successesPerSecond({ counts, seconds }: Attacked): number {
  const succeeded = Object.entries(counts).filter(([status]) => status.startsWith('2'));
  return succeeded.reduce((sum, [, count]) => sum + count, 0) / seconds;
}

/** `200: 120, 503: 9`. */
export function countsOf({ counts }: Attacked): string {
  return Object.entries(counts)
    .map(([status, count]) => `${status}: ${count}`)
    .join(', ');
}
