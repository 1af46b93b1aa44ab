import type { IncomingHttpHeaders } from 'node:http';
import { PROBLEMS, type ProblemBody } from '../../src/common/problem.js';

/** What was answered, as it came. */
export interface RawReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** What was asked, as far as the answer is judged by it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: unknown;
}

const EVERY_ANSWER: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};
const CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'";
const PAGE_POLICY = /^default-src 'none'; script-src 'self'; style-src 'self' 'nonce-[\w-]{22,}'; img-src 'self'; /;
const PROBLEM_KEYS = new Set(['type', 'title', 'status', 'code', 'detail', 'requestId', 'errors']);
const SENT_SECRETS = new Set(['password', 'currentPassword', 'newPassword', 'apitoken', 'accesstoken', 'code']);
/** The keys under which a secret is handed out, this once. */
const ISSUED = /"(?:apitoken|accesstoken|code)":"(?:apt|act|rst)_[0-9a-f]{32}_[\w-]{43}"/g;
const SECRET = /(?:apt|act|rst)_[0-9a-f]{32}_[\w-]{43}|pbkdf2|secret_hash|password_hash/;
const INSIDES = /\bselect\b.*\bfrom\b|relation "|ECONN|node_modules|\.[tj]s:\d|FST_ERR|QueryFailed/i;
const REQUEST_ID = /^[A-Za-z0-9-]{8,64}$/;
const COOKIE = /^__Host-session=[^;]*; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=\d+$/;

/**
 * What holds for every answer to every request (contract). Throws an Error that names all that does not;
 * an answer 500 is always a defect.
 */
export function checkInvariants(asked: Asked, reply: RawReply): void {
  const faults = [
    ...headerFaults(asked, reply),
    ...(reply.status >= 400 ? problemFaults(asked, reply) : successFaults(reply)),
    ...secretFaults(asked, reply),
  ];
  if (faults.length === 0) return;
  const call = `${asked.method} ${asked.path} → ${reply.status}`;
  throw new Error(`${call} breaks what holds for every answer:\n${faults.join('\n')}\n${reply.text.slice(0, 500)}`);
}

function headerFaults({ path, headers: sent }: Asked, { status, headers }: RawReply): string[] {
  const faults = Object.entries(EVERY_ANSWER).flatMap(([name, value]) => unless(headers[name] === value, name));
  const ownPolicy = hasOwnPolicy(path, status, String(headers['content-security-policy']));
  const isAsset = path.startsWith('/assets/') && status < 400;
  const requestId = sent['x-request-id'];
  const echo = typeof requestId === 'string' && REQUEST_ID.test(requestId) ? requestId : headers['x-request-id'];
  const https = sent['x-forwarded-proto'] === 'https';
  return [
    ...faults,
    ...unless((headers['cache-control'] === 'no-store') !== isAsset, 'cache-control'),
    ...unless(ownPolicy || headers['content-security-policy'] === CONTENT_SECURITY_POLICY, 'content-security-policy'),
    ...unless(REQUEST_ID.test(String(headers['x-request-id'])) && headers['x-request-id'] === echo, 'x-request-id'),
    ...unless((headers['strict-transport-security'] !== undefined) === https, 'strict-transport-security'),
    ...unless(headers.server === undefined && headers['x-powered-by'] === undefined, 'it names its software'),
    ...unless(status < 300 || status >= 400 || status === 304, 'it redirects'),
    ...unless(
      (headers['set-cookie'] ?? []).every((cookie) => COOKIE.test(cookie)),
      'set-cookie',
    ),
  ];
}

/** Swagger UI and the pages for people. */
function hasOwnPolicy(path: string, status: number, policy: string): boolean {
  if (status >= 400) return false;
  if (path.startsWith('/docs')) return true;
  return /^\/(?:$|\?|login|signup|account|admin)/.test(path) && PAGE_POLICY.test(policy);
}

function problemFaults({ method }: Asked, { status, headers, text }: RawReply): string[] {
  const faults = [
    ...unless(status !== 500, 'it failed'),
    ...unless(headers['content-type'] === 'application/problem+json; charset=utf-8', 'content-type'),
    ...unless((headers['www-authenticate'] === 'Bearer realm="postern"') === (status === 401), 'www-authenticate'),
    ...unless((headers.allow !== undefined) === (status === 405), 'allow'),
    ...unless(headers['set-cookie'] === undefined, 'a refusal sets no cookie'),
  ];
  if (method === 'HEAD') return faults;
  const body = parse(text) as Partial<ProblemBody> | undefined;
  if (body === undefined) return [...faults, 'the body is no JSON'];
  const known = body.code === undefined ? undefined : PROBLEMS[body.code];
  const waits = status === 429 || body.code === 'unavailable' || body.code === 'overloaded';
  return [
    ...faults,
    ...unless(known?.status === status && body.status === status && body.title === known.title, 'code, status, title'),
    ...unless(body.type === 'about:blank', 'type'),
    ...unless(body.requestId === headers['x-request-id'], 'requestId'),
    ...unless(/^[1-9]\d*$/.test(headers['retry-after'] ?? '') === waits, 'retry-after'),
    ...unless((body.errors !== undefined) === (status === 422), 'errors stand with 422'),
    ...Object.keys(body).flatMap((key) => unless(PROBLEM_KEYS.has(key), `unknown member ${key}`)),
  ];
}

function successFaults({ status, headers, text }: RawReply): string[] {
  if (status === 204) return unless(text === '' && headers['content-type'] === undefined, '204 with a body');
  const isJson = headers['content-type'] === 'application/json; charset=utf-8';
  return unless(!isJson || text === '' || parse(text) !== undefined, 'the body is no JSON');
}

/** Nothing that was sent as a secret comes back, none leaves but where it is issued, and nothing of the insides. */
function secretFaults({ headers, body }: Asked, { headers: answered, text }: RawReply): string[] {
  const sent = Object.entries(body ?? {}).flatMap(([key, value]) =>
    SENT_SECRETS.has(key) && typeof value === 'string' && value.length > 7 ? [value] : [],
  );
  const bearer = /^Bearer (.+)$/.exec(String(headers['authorization'] ?? ''))?.[1];
  const secrets = bearer === undefined ? sent : [...sent, bearer];
  const headerText = JSON.stringify({ ...answered, 'set-cookie': undefined });
  return [
    ...unless(!secrets.some((secret) => text.includes(secret) || headerText.includes(secret)), 'a sent secret returns'),
    ...unless(!SECRET.test(text.replace(ISSUED, '')) && !SECRET.test(headerText), 'a secret leaves'),
    ...unless(isDocument(answered) || !INSIDES.test(text.replace(ISSUED, '')), 'insides leave'),
  ];
}

/** The description of the API and Swagger UI speak of much. */
function isDocument(headers: IncomingHttpHeaders): boolean {
  return !/^application\/(?:problem\+)?json/.test(headers['content-type'] ?? '');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function unless(holds: boolean, fault: string): string[] {
  return holds ? [] : [`- ${fault}`];
}
