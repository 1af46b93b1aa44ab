import { randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { createClient, memoryStore, login as clientLogin, tokenMode, type Client, type Mode } from 'postern-client';
import type { ProblemBody, ProblemCode } from '../../src/common/problem.js';
import { FIRST_ADMIN, FIRST_APP, type Account } from './first-accounts.js';
import { checkInvariants, type RawReply } from './invariants.js';

/** An account that a test has made. */
export interface User extends Account {
  readonly userid: string;
}

/** A session as a caller shows it: of mode token, or as the cookie of mode web, sent by a page of our own. */
export type Login = { readonly userid: string; readonly accesstoken: string } | { readonly cookie: string };

export interface CallOptions {
  readonly as?: Login;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** The address that it comes from; default: the client's. */
  readonly source?: string;
}

/** An answer. `T` is what the test takes the body for. */
export interface Reply<T> {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Undefined where there is none. */
  readonly body: T;
  /** The body of a refusal; throws where it is none. */
  readonly problem: ProblemBody;
  /** `problem.code`, or null where it is no refusal. */
  readonly code: ProblemCode | null;
}

const TIMEOUT_MS = 20_000;

/** What a browser says of a request by a page of the service itself. */
export const OWN_PAGE = { 'sec-fetch-site': 'same-origin' } as const;

let sources = 0;

/** An address that nobody else in this file has had, of the block for tests of network devices (RFC 2544). */
export function newSource(): string {
  sources += 1;
  return `198.${18 + (sources >> 16)}.${(sources >> 8) & 255}.${sources & 255}`;
}

/** A client of the service at `url`, with a source of its own. Every answer is held to what holds for every answer. */
export function api(url: string, source = newSource()): Api {
  return new Api(url, source);
}

export class Api {
  constructor(
    readonly url: string,
    readonly source: string,
  ) {}

  get<T = unknown>(path: string, options?: CallOptions): Promise<Reply<T>> {
    return this.call('GET', path, undefined, options);
  }

  post<T = unknown>(path: string, body?: unknown, options?: CallOptions): Promise<Reply<T>> {
    return this.call('POST', path, body, options);
  }

  put<T = unknown>(path: string, body?: unknown, options?: CallOptions): Promise<Reply<T>> {
    return this.call('PUT', path, body, options);
  }

  patch<T = unknown>(path: string, body?: unknown, options?: CallOptions): Promise<Reply<T>> {
    return this.call('PATCH', path, body, options);
  }

  delete<T = unknown>(path: string, options?: CallOptions): Promise<Reply<T>> {
    return this.call('DELETE', path, undefined, options);
  }

  /** `body`: undefined sends none, anything else is sent as JSON. */
  async call<T>(method: string, path: string, body: unknown, options: CallOptions = {}): Promise<Reply<T>> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      'x-forwarded-for': options.source ?? this.source,
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...(options.as === undefined ? {} : credentials(options.as)),
      ...options.headers,
    };
    const reply = await send(new URL(this.url), method, path, headers, text);
    checkInvariants({ method, path, headers, body }, reply);
    return replyOf<T>(`${method} ${path}`, reply);
  }
}

/** The typed client, with a source of its own; what it sends and is answered goes through `Api` like all else. */
export function typedApi<M extends Mode>(url: string, mode: M, source = newSource()): Client<M> {
  const plain = api(url, source);
  const fetch = async (request: Request) => {
    const text = await request.text();
    const { method, headers } = request;
    const sent = { headers: Object.fromEntries(headers) };
    const reply = await plain.call(
      method,
      request.url.slice(url.length),
      text === '' ? undefined : JSON.parse(text),
      sent,
    );
    return responseOf(reply);
  };
  return createClient({ baseUrl: url, mode, fetch });
}

/** Of nobody yet, in token mode; its session is forgotten with it. */
export function phone(url: string) {
  return typedApi(url, tokenMode({ store: memoryStore() }));
}

function responseOf({ status, headers, body }: Reply<unknown>): Response {
  const { 'content-length': _length, ...others } = headers;
  const pairs = Object.entries(others).map(([name, value]) => [name, String(value)] as [string, string]);
  return new Response(body === undefined ? null : JSON.stringify(body), { status, headers: pairs });
}

function credentials(login: Login): Record<string, string> {
  if ('cookie' in login) return { cookie: login.cookie, ...OWN_PAGE };
  return { 'x-user-id': login.userid, authorization: `Bearer ${login.accesstoken}` };
}

/** On a connection of its own, so that none is reused that the service has just closed. */
function send(
  { hostname, port }: URL,
  method: string,
  path: string,
  headers: Readonly<Record<string, string | string[]>>,
  body: string | undefined,
): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const request = httpRequest({ hostname, port, method, path, headers: { ...headers, ...length }, agent: false });
    request.setTimeout(TIMEOUT_MS, () => request.destroy(new Error(`${method} ${path}: no answer`)));
    request.once('error', reject);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        resolve({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks).toString() });
      });
    });
    request.end(body);
  });
}

function replyOf<T>(call: string, { status, headers, text }: RawReply): Reply<T> {
  const isJson = /^application\/(?:problem\+)?json/.test(headers['content-type'] ?? '');
  const body = (text === '' ? undefined : isJson ? JSON.parse(text) : text) as T;
  return {
    status,
    headers,
    body,
    code: status >= 400 ? (body as ProblemBody).code : null,
    get problem() {
      if (status < 400) throw new Error(`${call} was not refused: ${status}`);
      return body as ProblemBody;
    },
  };
}

/** The body of an answer that must have this status. */
export function expectStatus<T>(reply: Reply<T>, status: number): T {
  if (reply.status === status) return reply.body;
  throw new Error(`${status} was expected, it is ${reply.status}: ${JSON.stringify(reply.body)}`);
}

/** Logs in with username, password and apitoken, from a source of its own. */
export async function login(url: string, { username, password, apitoken }: Account): Promise<TokenLogin> {
  return clientLogin(phone(url), { username, password, apitoken });
}

/** Logs in as a browser, from a source of its own. */
export async function webLogin(url: string, { username, password }: Omit<Account, 'apitoken'>): Promise<WebLogin> {
  const reply = await api(url).post('/v1/auth/web/login', { username, password }, { headers: OWN_PAGE });
  expectStatus(reply, 200);
  return { cookie: cookieOf(reply) };
}

/** The session cookie that an answer sets, as a browser sends it back. */
export function cookieOf({ headers }: Reply<unknown>): string {
  const [cookie, ...more] = headers['set-cookie'] ?? [];
  if (cookie === undefined || more.length > 0) throw new Error('one cookie was expected');
  return cookie.split(';', 1)[0]!;
}

export type WebLogin = Extract<Login, { cookie: string }>;

export type TokenLogin = Extract<Login, { accesstoken: string }>;

/** A session of the first admin, fresh. */
export function adminLogin(url: string): Promise<TokenLogin> {
  return login(url, FIRST_ADMIN);
}

/** A session of the first app account. */
export function appLogin(url: string): Promise<TokenLogin> {
  return login(url, FIRST_APP);
}

/** Signs somebody up through the first app account; what is not given is made up. */
export async function createUser(
  url: string,
  given: Partial<Pick<Account, 'username' | 'password'>> = {},
): Promise<User> {
  const username = given.username ?? `user-${randomBytes(6).toString('hex')}`;
  const password = given.password ?? `garden ${randomBytes(6).toString('hex')} swing`;
  const app = phone(url);
  await clientLogin(app, FIRST_APP);
  const { userid, apitoken } = await app.POST('/v1/users', { body: { username, password } });
  return { userid, username, password, apitoken };
}
