import { connect } from 'node:net';
import { newSource } from '../support/client.js';
import type { Account } from '../support/first-accounts.js';
import type { Fleet } from './fleet.js';

/** Holds both processes' whole answers to each of these, but for the date, to be the same 401. */
export async function expectSameBytes(
  fleet: Fleet,
  path: string,
  wrong: Readonly<Record<string, Account>>,
  bodyOf: (account: Account) => object,
  headers: readonly string[] = [],
): Promise<void> {
  const texts: Record<string, string> = {};
  for (const [what, account] of Object.entries(wrong)) {
    for (const [at, app] of fleet.both.entries()) {
      const answer = await rawAnswer(app.url, path, JSON.stringify(bodyOf(account)), headers);
      texts[`${what} (${at})`] = answer.replace(/^date: .*\r\n/im, '');
    }
  }
  const [first] = Object.values(texts);
  expect(first).toMatch(/^HTTP\/1\.1 401 [^]*"code":"invalid_credentials"/);
  expect(texts).toEqual(Object.fromEntries(Object.keys(texts).map((what) => [what, first])));
}

/** Everything that is answered, as it comes over the wire. The request id is the caller's, so that it is the same. */
function rawAnswer(to: string, path: string, body: string, headers: readonly string[]): Promise<string> {
  const { hostname, port, host } = new URL(to);
  const all = [
    `Host: ${host}`,
    'Connection: close',
    'X-Request-Id: the-same-for-all',
    `X-Forwarded-For: ${newSource()}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
    socket.write([`POST ${path} HTTP/1.1`, ...all, '', body].join('\r\n'));
  });
}
