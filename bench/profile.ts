import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { World } from './lib/contender.js';
import { costOf, load } from './lib/load.js';
import { startPostern } from './lib/postern.js';
import { table } from './lib/table.js';

/** What `--cpu-prof` writes: a tree of calls, and which of them was running at each sample. */
interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { functionName: string; url: string } }[];
  readonly samples: readonly number[];
  /** In microseconds, before the sample. */
  readonly timeDeltas: readonly number[];
}

/** Start, compilation and the first of the load are left out. */
const FROM = 0.5;
/** What has less is not worth a line. */
const LEAST = 0.005;

/** Where the microseconds of a guarded call go, by who wrote the code that was running. */
export async function profile(world: World, { seconds }: { seconds: number }) {
  const caches = ['strict', 'tracked'];
  const profiles: Awaited<ReturnType<typeof profileOf>>[] = [];
  for (const cache of caches) profiles.push(await profileOf(world, cache, seconds));
  const parts = [...new Set(profiles.flatMap(({ shares }) => [...shares.keys()]))];
  const shareOf = (at: number, part: string) => profiles[at]!.shares.get(part) ?? 0;
  const rows = parts
    .filter((part) => caches.some((_, at) => shareOf(at, part) >= LEAST))
    .toSorted((a, b) => shareOf(0, b) - shareOf(0, a))
    .map((part) => [part, ...caches.map((_, at) => `${(shareOf(at, part) * 100).toFixed(1)} %`)]);
  const micros = profiles.map(({ micros }, at) => `${caches[at]} ${micros.toFixed(0)}`).join(', ');
  return {
    table: table(['code of', ...caches], rows),
    line: `profile of the process's main thread under load (µs CPU per call, with the profiler: ${micros})`,
  };
}

async function profileOf(world: World, cache: string, seconds: number) {
  const folder = mkdtempSync(join(tmpdir(), 'postern-profile-'));
  try {
    const options = `--cpu-prof --cpu-prof-dir=${folder}`;
    const server = await startPostern(world, { SESSION_CACHE: cache, NODE_OPTIONS: options });
    const at = { connections: 32, seconds };
    await load(server.url, server.told, at);
    const { micros } = await costOf(server, server.told, at);
    await server.stop();
    return { micros, shares: sharesOf(JSON.parse(readFileSync(largestIn(folder), 'utf8')) as Profile) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** That of the main thread: the others have waited. */
function largestIn(folder: string): string {
  const files = readdirSync(folder).map((name) => join(folder, name));
  return files.toSorted((a, b) => statSync(b).size - statSync(a).size)[0]!;
}

function sharesOf({ nodes, samples, timeDeltas }: Profile): Map<string, number> {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const total = timeDeltas.reduce((sum, delta) => sum + delta, 0);
  const spent = new Map<string, number>();
  let time = 0;
  let busy = 0;
  for (const [at, id] of samples.entries()) {
    const delta = timeDeltas[at]!;
    time += delta;
    const frame = frames.get(id)!;
    if (time < FROM * total || frame.functionName === '(idle)') continue;
    busy += delta;
    const part = partOf(frame);
    spent.set(part, (spent.get(part) ?? 0) + delta);
  }
  return new Map([...spent].map(([part, micros]) => [part, micros / busy]));
}

function partOf({ functionName, url }: { functionName: string; url: string }): string {
  const [, scope, name] = /.*node_modules\/(?:(@[^/]+)\/)?([^/]+)/.exec(url) ?? [];
  if (name !== undefined) return scope ?? name;
  const [, own] = /dist\/([^/]+)\//.exec(url) ?? [];
  if (own !== undefined) return `Postern: ${own}`;
  if (url.startsWith('node:')) return "Node's own: HTTP, streams, timers";
  if (functionName === '(garbage collector)') return 'the collector';
  return /^write|^readStart/.test(functionName)
    ? 'the kernel: writing to sockets'
    : 'V8 and libuv: parser, promises, natives';
}
