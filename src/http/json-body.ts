import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { Problem } from '../common/problem.js';
import { headerValues } from './raw-headers.js';

/** The largest body, in bytes (contract). */
export const BODY_LIMIT = 16 * 1024;

/** How long the rest of a refused body is waited for where the answer ends the connection, in ms. */
const PATIENCE_MS = 1000;

/** RFC 9110 section 8.3.1: case-insensitive; JSON is always UTF-8 (RFC 8259 section 8.1). */
const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i;

/** Strings, and the marks that give a JSON text its shape. */
const JSON_MARKS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/g;

const repeated = new WeakMap<object, readonly string[]>();

/**
 * Fastify hook in place of its parsers: `request.body` becomes the JSON that was sent, or stays undefined
 * where nothing was, whatever the content type and the method. In this order: over `BODY_LIMIT` 413, another
 * type than JSON 415, not UTF-8 or no JSON 400.
 */
export function readBody(request: FastifyRequest, _reply: FastifyReply, done: HookHandlerDoneFunction): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.raw.headers;
  if (encoding === undefined && (length === undefined || length === '0')) {
    done();
    return;
  }
  readBytes(request.raw)
    .then((bytes) => {
      request.body = parse(bytes, request.raw);
    })
    .then(() => done(), done);
}

/** Keys that the JSON text of this body had more than once (the last one counts for `JSON.parse`). */
export function repeatedKeys(body: object): readonly string[] {
  return repeated.get(body) ?? [];
}

function readBytes(raw: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const gone = () => reject(new Problem('malformed', { detail: 'The body ended early.' }));
    const whole = () => resolve(Buffer.concat(chunks, size));
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > BODY_LIMIT) refuse();
      else chunks.push(chunk);
    };
    // The rest is read and thrown away, until the server's time limit for a request: with bytes unread the end of the
    // connection would reset it, and the client might never see the answer.
    const refuse = () => {
      raw
        .off('data', take)
        .off('close', gone)
        .off('end', whole)
        .on('error', () => {})
        .resume();
      afterBody(raw, () => reject(new Problem('payload_too_large')));
    };
    if (Number(raw.headers['content-length']) > BODY_LIMIT) return refuse();
    raw.on('data', take).once('error', gone).once('close', gone).once('end', whole);
  });
}

/** Calls `answer` at once, or, where it is to end the connection, when the client has sent all or goes on too long. */
function afterBody(raw: IncomingMessage, answer: () => void): void {
  const { connection = '', expect } = raw.headers;
  if (!/\bclose\b/i.test(connection) || expect !== undefined) return answer();
  const over = () => {
    clearTimeout(late);
    answer();
  };
  const late = setTimeout(over, PATIENCE_MS);
  raw.once('end', over).once('close', over);
}

function parse(bytes: Buffer, raw: IncomingMessage): unknown {
  if (bytes.length === 0) return undefined;
  if (!isJson(raw)) throw new Problem('unsupported_media_type', { detail: 'Bodies are application/json.' });
  if (!isUtf8(bytes)) throw new Problem('malformed', { detail: 'The body is not UTF-8.' });
  const text = bytes.toString('utf8');
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) noteRepeatedKeys(body, text);
    return body;
  } catch {
    throw new Problem('malformed', { detail: 'The body is not JSON.' });
  }
}

function isJson({ headers, rawHeaders }: IncomingMessage): boolean {
  const types = headerValues(rawHeaders, 'content-type');
  const coding = headers['content-encoding'];
  return (
    types.length === 1 &&
    JSON_TYPE.test(headers['content-type']!) &&
    (coding === undefined || coding.trim().toLowerCase() === 'identity')
  );
}

/** Walks a text that is known to be a JSON object and looks at the keys of its first level. */
function noteRepeatedKeys(body: object, text: string): void {
  const seen = new Set<string>();
  const twice = new Set<string>();
  let depth = 0;
  let last = '';
  for (const [mark] of text.matchAll(JSON_MARKS)) {
    if (mark === '{' || mark === '[') depth += 1;
    else if (mark === '}' || mark === ']') depth -= 1;
    else if (mark === ':' && depth === 1) {
      const key = JSON.parse(last) as string;
      if (seen.has(key)) twice.add(key);
      seen.add(key);
    }
    last = mark;
  }
  if (twice.size > 0) repeated.set(body, [...twice]);
}
