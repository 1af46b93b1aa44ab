import { createClient } from 'redis';

/** How long a new connection may take until its server has answered, in ms. */
const DIAL_MS = 500;

export interface ClientOptions {
  /** The connection ends where nothing came on it for so long, in ms. */
  readonly silenceMs: number;
  /** Whether the client tells of what the server takes back (`invalidate` events); not before the server is asked to. */
  readonly invalidations?: boolean;
}

/** A client that is one connection: nothing is queued for, or repeated on, a later one. */
function buildClient(url: string, { silenceMs, invalidations = false }: ClientOptions) {
  return createClient({
    url,
    disableOfflineQueue: true,
    // By default each command has a timer of its own, a quarter of what a GET costs this process. A server that does
    // not answer loses its connection by the heartbeat, and with it everything that waits there.
    commandOptions: { timeout: 0 },
    emitInvalidate: invalidations,
    // Redis Enterprise may ask a client to go on at another server, unseen by whoever has confirmed this one.
    maintNotifications: 'disabled',
    socket: { connectTimeout: DIAL_MS, socketTimeout: silenceMs, reconnectStrategy: false },
  });
}

export type RedisClient = ReturnType<typeof buildClient>;

/**
 * Opens a connection. Throws where it is not open in 500 ms, as with a server that takes connections and does not
 * answer.
 * @param onLost is told why, once, when it has ended by itself
 */
export async function dial(
  url: string,
  options: ClientOptions,
  onLost: (error: Error) => void = () => undefined,
): Promise<RedisClient> {
  const client = buildClient(url, options);
  let open = false;
  // Without a listener a lost Redis would end the process.
  client.on('error', (error: Error) => {
    if (open) onLost(error);
    open = false;
  });
  // The last look is taken a turn of the loop later: an answer may lie in the socket while this process is busy.
  const late = setTimeout(() => setImmediate(() => setImmediate(() => client.destroy())), DIAL_MS);
  try {
    await client.connect();
    open = true;
    return client;
  } catch (error) {
    client.destroy();
    throw error;
  } finally {
    clearTimeout(late);
  }
}
