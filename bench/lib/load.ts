import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Request } from './contender.js';

const AUTOCANNON = join(import.meta.dirname, '../node_modules/autocannon/autocannon.js');

export interface Load {
  readonly connections: number;
  readonly seconds: number;
  /** Requests per second in all, sent when their time has come; default: as fast as the answers come. */
  readonly rate?: number;
}

export interface Measured {
  readonly requests: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

interface Report {
  requests: { total: number; average: number };
  latency: { p50: number; p99: number };
  non2xx: number;
  errors: number;
  timeouts: number;
}

/** Asks the same request again and again, from another process. Latencies in ms, counted from when a request was due. */
export async function load(url: string, { path, headers }: Request, { connections, seconds, rate }: Load) {
  const options = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  if (rate !== undefined) options.push('-R', String(rate));
  const args = ['-j', '-n', '-c', String(connections), '-d', String(seconds), ...options, `${url}${path}`];
  const child = spawn(process.execPath, [AUTOCANNON, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  return measured(JSON.parse(output) as Report);
}

function measured({ requests, latency, non2xx, errors, timeouts }: Report): Measured {
  const failed = non2xx + errors + timeouts;
  return { requests: requests.total, failed, perSecond: requests.average, p50: latency.p50, p99: latency.p99 };
}
