import type { Discover, SlotMap, Topology } from './discovery.js';
import { SLOTS } from './key-slot.js';
import { mostAnswers } from './most-answers.js';
import { dial, type RedisClient } from './redis-client.js';
import { parseInfo } from './redis-node.js';
import { atAddress, withoutDatabase } from './redis-url.js';

/** A node that does not answer within this is left out, in ms. */
const PATIENCE_MS = 500;

/** In `ownerOf`: nobody has this slot. */
const NOBODY = 255;

type Endpoint = [host: string | null, port: number, id: string, ...unknown[]];
type SlotRange = [from: number, to: number, master: Endpoint, ...replicas: Endpoint[]];

/** What one node says of the whole. */
interface View {
  readonly epoch: number;
  readonly topology: Topology;
  /** Every node it knows, replicas too: for the next question. */
  readonly known: readonly string[];
}

/**
 * Asks every node that is named or was seen before who has which slots, and takes the view with the newest epoch among
 * those that see a majority of masters (`cluster_state:ok`): a master that was cut off says no such thing for long.
 *
 * node-redis's own Cluster client is not used: it follows MOVED to servers that no heartbeat has confirmed, and repeats
 * the command there.
 */
export function discoverCluster(named: readonly string[]): Discover {
  const seeds = named.map(withoutDatabase);
  let seen: readonly string[] = [];
  return async () => {
    const nodes = [...new Set([...seeds, ...seen])];
    const { values, reasons } = await mostAnswers(nodes.map((url) => ask(url)));
    const [first, ...others] = values;
    if (first === undefined) throw new Error('no node of the Cluster answers for it', { cause: reasons[0] });
    const newest = others.reduce((best, view) => (view.epoch > best.epoch ? view : best), first);
    seen = newest.known;
    return newest.topology;
  };
}

/** Who has which slots, as the node at the other end has it: the `fingerprint` of its map. */
export async function fingerprintOf(client: RedisClient): Promise<string> {
  return fingerprint(await ranges(client));
}

async function ask(url: string): Promise<View> {
  const client = await dial(url, { silenceMs: PATIENCE_MS });
  try {
    const [info, found] = await Promise.all([client.sendCommand<string>(['CLUSTER', 'INFO']), ranges(client)]);
    const { cluster_state: state, cluster_current_epoch: epoch } = parseInfo(info);
    if (state !== 'ok') throw new Error(`cluster_state is ${state}`);
    const { masters, ...slots } = toMap(found, url);
    const known = found.flatMap(([, , ...nodes]) => nodes.map((node) => urlOf(node, url)));
    return { epoch: Number(epoch), topology: { masters, slots }, known };
  } finally {
    client.destroy();
  }
}

function ranges(client: RedisClient): Promise<SlotRange[]> {
  return client.sendCommand<SlotRange[]>(['CLUSTER', 'SLOTS']);
}

function toMap(found: readonly SlotRange[], asked: string): SlotMap & { masters: readonly string[] } {
  const sorted = found.toSorted(([from], [other]) => from - other);
  const masters = [...new Set(sorted.map(([, , master]) => urlOf(master, asked)))];
  if (masters.length >= NOBODY) throw new Error(`more than ${NOBODY - 1} masters`);
  const ownerOf = new Uint8Array(SLOTS).fill(NOBODY);
  for (const [from, to, master] of sorted) ownerOf.fill(masters.indexOf(urlOf(master, asked)), from, to + 1);
  return { masters, ownerOf, fingerprint: fingerprint(found) };
}

/** By id: the address of a node may depend on who asks, and where. */
function fingerprint(found: readonly SlotRange[]): string {
  const sorted = found.toSorted(([from], [other]) => from - other);
  return sorted.map(([from, to, [, , id]]) => `${from}-${to} ${id}`).join(', ');
}

/** A node may leave its own name open: it is where it was asked. */
function urlOf([host, port]: Endpoint, asked: string): string {
  const unknown = host === null || host === '' || host === '?';
  return atAddress(asked, unknown ? bare(new URL(asked).hostname) : host, port);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}
