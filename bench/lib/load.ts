import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { findBinary } from '../../test/setup/debian-binary.js';
import { cpuMicroseconds, type Request, type Running } from './contender.js';
import { quantile } from './table.js';

const PACER = join(import.meta.dirname, 'pacer.mjs');

export interface Load {
  readonly connections: number;
  readonly seconds: number;
}

export interface Measured {
  readonly requests: number;
  readonly perSecond: number;
}

/**
 * Asks the same request again and again, as fast as the answers come. By wrk, from another process: it costs a tenth of
 * a call of the servers here, so that each of them, the fastest too, has a client that is already waiting. One in
 * JavaScript is kept busy by a fast server and must be woken by a slow one, at the slow one's cost. As a batch job
 * (sched(7)), so that where both share a core an answer does not take the core from the server that is sending it.
 * @throws where one of the calls fails: what is measured is the answer to a good one.
 */
export async function load(url: string, { path, headers }: Request, { connections, seconds }: Load): Promise<Measured> {
  const options = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const args = ['-t', '1', '-c', `${connections}`, '-d', `${seconds}s`, ...options, `${url}${path}`];
  const output = await outputOf('chrt', ['--batch', '0', findBinary('wrk'), ...args]);
  const [, requests] = /(\d+) requests in/.exec(output) ?? [];
  const [, perSecond] = /Requests\/sec:\s+([\d.]+)/.exec(output) ?? [];
  if (requests === undefined || perSecond === undefined) throw new Error(`wrk: ${output}`);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1) ?? [];
  const others = /Non-2xx or 3xx responses: (\d+)/.exec(output)?.slice(1) ?? [];
  const failed = [...errors, ...others].reduce((sum, count) => sum + Number(count), 0);
  if (failed > 0 || requests === '0') throw new Error(`${url}${path}: ${failed} of ${requests} failed`);
  return { requests: Number(requests), perSecond: Number(perSecond) };
}

/** The same, with the CPU that it has cost the server's process, in microseconds per call. */
export async function costOf({ url, pid }: Running, call: Request, job: Load): Promise<Measured & { micros: number }> {
  const before = cpuMicroseconds(pid);
  const measured = await load(url, call, job);
  return { ...measured, micros: (cpuMicroseconds(pid) - before) / measured.requests };
}

export interface Paced {
  readonly requests: number;
  readonly failed: number;
  /** In ms, counted from when a request was due. */
  readonly p50: number;
  readonly p99: number;
}

/** Asks the same request so many times per second, each when its time has come, whatever has become of the others. */
export async function pacedLoad(
  url: string,
  { path, headers }: Request,
  job: Load & { readonly rate: number },
): Promise<Paced> {
  const output = await outputOf(process.execPath, [PACER, JSON.stringify({ url: url + path, headers, ...job })]);
  const { failed, latencies } = JSON.parse(output) as { failed: number; latencies: number[] };
  return { requests: latencies.length, failed, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
}

async function outputOf(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  return output;
}
