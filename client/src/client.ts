import createFetchClient, { type MaybeOptionalInit } from 'openapi-fetch';
import type { paths } from './api.js';
import type { Mode } from './mode.js';
import { transport, type TransportOptions } from './transport.js';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** The paths that know a method. */
export type PathOf<M extends Method> = {
  [Path in keyof paths]: paths[Path] extends Record<M, object> ? Path : never;
}[keyof paths];

/** What a call is given: `params` (path and query), `body`, `headers`, `signal`. */
export type CallOptions<Path extends keyof paths, M extends Method> = Pick<
  NonNullable<MaybeOptionalInit<paths[Path], M>>,
  'params' | 'body' | 'headers' | 'signal'
>;

/** The body of the 2xx; undefined for a 204. */
export type Answer<Path extends keyof paths, M extends Method> = paths[Path][M] extends { responses: infer R }
  ? BodyOf<R[keyof R & (200 | 201 | 204)]>
  : never;

type BodyOf<R> = R extends { content: { 'application/json': infer Body } } ? Body : undefined;

/** MaybeOptionalInit has `undefined` in it where nothing must be given. */
type Arguments<Path extends keyof paths, M extends Method> =
  undefined extends MaybeOptionalInit<paths[Path], M>
    ? [options?: CallOptions<Path, M>]
    : [options: CallOptions<Path, M>];

/**
 * One route. Gives the body itself; throws ProblemError for any answer but a 2xx of the service, ConnectionError
 * where none came, and the signal's reason where the caller gave up.
 */
export type Call<M extends Method> = <Path extends PathOf<M>>(
  path: Path,
  ...options: Arguments<Path, M>
) => Promise<Answer<Path, M>>;

/** The whole API, typed by what `openapi.json` says. */
export interface Client<M extends Mode = Mode> {
  readonly mode: M;
  readonly GET: Call<'get'>;
  readonly POST: Call<'post'>;
  readonly PUT: Call<'put'>;
  readonly PATCH: Call<'patch'>;
  readonly DELETE: Call<'delete'>;
  /** The same service, with another mode. */
  withMode<Other extends Mode>(mode: Other): Client<Other>;
}

/** What a client is made with. */
export interface ClientOptions<M extends Mode> extends TransportOptions {
  /** Where the service is, such as `https://api.example.com`; in a page of its own origin the empty string. */
  readonly baseUrl: string;
  readonly mode: M;
}

/** Each of them says who is asking; what stands there is the mode's to say. */
const CARRIERS = ['authorization', 'x-user-id', 'cookie'];

/** Makes a client of the service at `baseUrl`, for one user in one mode. */
export function createClient<M extends Mode>(options: ClientOptions<M>): Client<M> {
  const { baseUrl, mode } = options;
  const next = transport(options);
  const client = createFetchClient<paths>({
    baseUrl,
    fetch: async (request) => {
      refuseCarriers(request.headers);
      return mode.send(request, next);
    },
  });
  const request = client.request as (method: Method, path: string, init: object) => Promise<{ data?: unknown }>;
  const call = <Verb extends Method>(method: Verb) =>
    (async (path: string, { params, body, headers, signal }: LooseOptions = {}) => {
      // A redirect would take the credentials with it; the service sends none.
      const own = { credentials: mode.credentials, redirect: 'manual' };
      return (await request(method, path, { params, body, headers, signal, ...own })).data;
    }) as Call<Verb>;
  return {
    mode,
    GET: call('get'),
    POST: call('post'),
    PUT: call('put'),
    PATCH: call('patch'),
    DELETE: call('delete'),
    withMode: (other) => createClient({ ...options, mode: other }),
  };
}

interface LooseOptions {
  readonly params?: unknown;
  readonly body?: unknown;
  readonly headers?: unknown;
  readonly signal?: unknown;
}

function refuseCarriers(headers: Headers): void {
  const carrier = CARRIERS.find((name) => headers.has(name));
  if (carrier !== undefined) throw new TypeError(`The header ${carrier} is set by the client's mode alone`);
}
