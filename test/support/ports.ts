import { createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections and to listeners that ask for any (32768 on Linux): one of
 * those may be gone between here and its use, or while the server on it is away. Above those that browsers refuse.
 * Jest numbers the processes that run test files, from 1; each has a share of its own.
 */
const SHARE = 3000;
const FIRST = 20_000 + SHARE * (Number(process.env.JEST_WORKER_ID ?? 0) % 4);
const LAST = FIRST + SHARE - 1;

/** Somewhere else each time: other runs on this machine have the same shares. */
let next = FIRST + Math.floor(Math.random() * SHARE);

/** A TCP port of 127.0.0.1 that nobody has, never the same one twice in a test file. */
export async function freePort(): Promise<number> {
  for (let tries = FIRST; tries <= LAST; tries += 1) {
    const port = next;
    next = port === LAST ? FIRST : port + 1;
    if (await isFree(port)) return port;
  }
  throw new Error('no port is free');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
