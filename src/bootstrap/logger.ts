import { pino, type DestinationStream, type Logger } from 'pino';
import type { Config } from '../config/config.js';

/** Fields that may hold a secret, at the first and second level and in what a request logger would write. */
const SECRET_FIELDS = ['authorization', 'cookie', 'set-cookie', 'password', 'currentPassword', 'newPassword'];
const SECRET_IDS = ['apitoken', 'accesstoken', 'secret', 'databaseUrl', 'redisUrl'];
const REDACTED = [...SECRET_FIELDS, ...SECRET_IDS].flatMap((name) => {
  const key = /^\w+$/.test(name) ? name : `["${name}"]`;
  const under = key.startsWith('[') ? key : `.${key}`;
  return [key, `*${under}`, `req.headers${under}`, `res.headers${under}`];
});

/** A whole token, wherever it may have slipped in: its id is public and stays. */
const TOKEN = /((?:apt|act|rst)_[0-9a-f]{32})_[A-Za-z0-9_-]{43}/g;

/** How deep causes are followed. */
const MAX_CAUSES = 5;

/**
 * One JSON line per event on stdout; pino escapes whatever a client may have put in. Neither bodies nor headers are
 * logged anywhere; redaction is for what a later change might log by mistake.
 */
export function createLogger({ logLevel }: Pick<Config, 'logLevel'>, destination?: DestinationStream): Logger {
  const options = {
    level: logLevel,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED, censor: '[redacted]' },
    serializers: { err: (error: unknown) => serializeError(error) },
    hooks: { streamWrite: (line: string) => line.replace(TOKEN, '$1_[redacted]') },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/**
 * Of an error its type, message, code and stack, and those of its causes. Its other fields are left out, and all of
 * what was thrown that is no error: an error of the database carries the statement with its parameters.
 */
function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { type: typeof error, message: typeof error === 'string' ? error : '' };
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  const inner = cause === undefined || depth >= MAX_CAUSES ? {} : { cause: serializeError(cause, depth + 1) };
  return { type: error.constructor.name || name, message, code, stack, ...inner };
}
