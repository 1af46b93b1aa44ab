/**
 * What the peers share. Each is a process of its own that reads DATABASE_URL, REDIS_URL and PORT, makes one user,
 * logs that user in through its own door, and then prints one line of JSON: the request that is to be measured, and
 * how to log in. None writes a log line per request.
 */
import { createClient } from 'redis';

export const { DATABASE_URL, REDIS_URL } = process.env;
export const PORT = Number(process.env.PORT);
export const USER = { username: 'measured', password: 'a long enough passphrase' };

/** A connected client of the redis package, as all its users have it, or with other options for its commands. */
export async function redis(commandOptions) {
  const client = createClient({ url: REDIS_URL, ...(commandOptions && { commandOptions }) });
  client.on('error', () => undefined);
  return client.connect();
}

/** Decorates a method of a class as the compiler of TypeScript would. */
export function decorateMethod({ prototype }, name, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  for (const decorator of decorators) decorator(prototype, name, descriptor);
}

/** @param {{ path: string, headers?: object, login?: { path: string, headers?: object, body: object } }} told */
export function ready(told) {
  console.log(JSON.stringify({ headers: {}, ...told }));
}

/** Logs in by JSON over HTTP and gives the answer. */
export async function post(path, body, headers = {}) {
  const answer = await fetch(`http://127.0.0.1:${PORT}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

/** The cookies of an answer, as the next request sends them. */
export function cookies(answer) {
  return answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
}
