import { ErrorReply } from 'redis';
import { mostAnswers } from './most-answers.js';
import { dial } from './redis-client.js';
import { atAddress, withoutCredentials, withoutDatabase } from './redis-url.js';
import type { Topology } from './discovery.js';

/** Where sentinels listen if nobody says otherwise. */
const SENTINEL_PORT = '26379';

/** A sentinel that does not answer within this is left out, in ms. */
const PATIENCE_MS = 500;

/** What one sentinel says: where the master is, and in which of the numbered configurations it has become that. */
interface Vote {
  readonly host: string;
  readonly port: number;
  readonly epoch: number;
}

/**
 * Asks every named sentinel for the master. At least half of them must answer: what the smaller side of a split network
 * still takes for the master would end everybody's generation in turn with what the larger one does. Of those that
 * answer the newest configuration counts; whether that server is a master is for the heartbeat to say.
 *
 * node-redis's own sentinel client is not used: it repeats on the new master a command that has failed on the old one.
 */
export async function discoverBySentinels(urls: readonly string[], name: string): Promise<Topology> {
  const { values: votes, reasons } = await mostAnswers(urls.map((url) => ask(url, name)));
  if (votes.length < urls.length / 2) {
    throw new Error(`${votes.length} of ${urls.length} sentinels answer: ${reasons.map(messageOf).join('; ')}`);
  }
  const { host, port } = votes.reduce((newest, vote) => (vote.epoch > newest.epoch ? vote : newest));
  return { masters: [atAddress(urls[0]!, host, port)] };
}

/** With the credentials of REDIS_URL, and without them where this sentinel has no such user. */
async function ask(url: string, name: string): Promise<Vote> {
  const sentinel = withDefaultPort(withoutDatabase(url));
  try {
    return await askAs(sentinel, name);
  } catch (error) {
    if (!(error instanceof ErrorReply && error.message.startsWith('WRONGPASS'))) throw error;
    return askAs(withoutCredentials(sentinel), name);
  }
}

function withDefaultPort(url: string): string {
  const whole = new URL(url);
  if (whole.port === '') whole.port = SENTINEL_PORT;
  return whole.href;
}

async function askAs(url: string, name: string): Promise<Vote> {
  const client = await dial(url, { silenceMs: PATIENCE_MS });
  try {
    // While a failover is under way the first one knows the new master already, the second one its epoch.
    const [address, details] = await Promise.all([
      client.sendCommand<[string, string] | null>(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]),
      client.sendCommand<Record<string, string> | string[]>(['SENTINEL', 'MASTER', name]),
    ]);
    if (address === null) throw new Error(`no master named ${name}`);
    return { host: address[0], port: Number(address[1]), epoch: Number(fieldOf(details, 'config-epoch')) };
  } finally {
    client.destroy();
  }
}

/** RESP3 gives a map, older servers a list of names and values. */
function fieldOf(details: Record<string, string> | string[], name: string): string | undefined {
  return Array.isArray(details) ? details[details.indexOf(name) + 1] : details[name];
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
