import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findBinary } from '../setup/debian-binary.js';
import { makeFolder } from '../setup/folders.js';
import { killWithUs } from '../setup/guard.js';
import { eventually } from './barrier.js';
import { send } from './haproxy-client.js';
import { freePort } from './ports.js';

const CONFIGURATION = join(import.meta.dirname, '../../deploy/haproxy/haproxy.cfg');

export interface HaproxyOptions {
  /** Of the two processes behind it: `127.0.0.1:3001`. */
  readonly processes: readonly [string, string];
  /** Default: a free one. */
  readonly httpsPort?: number;
  /** Of one source in a minute; default: as many as it likes. */
  readonly requestsPerSource?: number;
  /** Of one source at once; default: the configuration's. */
  readonly connectionsPerSource?: number;
}

/** The real HAProxy with our configuration, listening on 127.0.0.1. */
export interface Haproxy {
  readonly url: string;
  readonly httpsPort: number;
  /** Of the port that serves nothing in clear. */
  readonly clearUrl: string;
  /** The certificate that it shows, signed by itself. */
  readonly certificate: string;
  readonly exit: Promise<unknown>;
  /** What it has logged so far. */
  log(): string;
  /** As `systemctl reload haproxy`: a new worker reads the configuration and takes over, the old one finishes. */
  reload(): Promise<void>;
  /** Lets it answer what it has, and waits for its end. */
  stop(): Promise<void>;
}

/** Starts it with a certificate made for it. */
export async function startHaproxy(options: HaproxyOptions): Promise<Haproxy> {
  const dir = makeFolder('haproxy', 0o700);
  const pem = makeCertificate(dir);
  const httpsPort = options.httpsPort ?? (await freePort());
  const clearPort = await freePort();
  const child = spawn(findBinary('haproxy'), ['-W', '-f', CONFIGURATION], {
    env: {
      POSTERN_HTTP: `127.0.0.1:${clearPort}`,
      POSTERN_HTTPS: `127.0.0.1:${httpsPort}`,
      POSTERN_HTTPS_PORT: `${httpsPort}`,
      POSTERN_CERTIFICATE: pem,
      POSTERN_PROCESS_1: options.processes[0],
      POSTERN_PROCESS_2: options.processes[1],
      POSTERN_SOURCE_REQUESTS: `${options.requestsPerSource ?? 1_000_000}`,
      ...(options.connectionsPerSource === undefined
        ? {}
        : { POSTERN_SOURCE_CONNECTIONS: `${options.connectionsPerSource}` }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A Ctrl-C in a terminal is for whoever started it, who stops it in order.
    detached: true,
  });
  const release = killWithUs(child.pid!, dir);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const exit = once(child, 'close');
  const reload = async () => {
    const from = log.length;
    child.kill('SIGUSR2');
    await eventually(() => log.includes('Loading success', from));
  };
  const stop = async () => {
    child.kill('SIGUSR1');
    await exit;
    rmSync(dir, { recursive: true, force: true });
    release();
  };
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(`HAProxy does not start: ${log}`);
    return accepts(httpsPort);
  });
  const certificate = readFileSync(pem, 'utf8');
  const [url, clearUrl] = [`https://127.0.0.1:${httpsPort}`, `http://127.0.0.1:${clearPort}`];
  return { url, httpsPort, clearUrl, certificate, exit, log: () => log, reload, stop };
}

/**
 * Resolves when the proxy sends calls to both processes: what is ready it learns a moment later, and the one must not be
 * stopped before the other serves.
 */
export async function bothServe({ url, certificate: ca, log }: Haproxy): Promise<void> {
  const seen = log().length;
  await eventually(async () => {
    await send(request(`${url}/livez`, { ca, agent: false }));
    const lines = log().slice(seen);
    return [1, 2].every((index) => new RegExp(` 200 .* processes/process-${index} `).test(lines));
  }, 60_000);
}

/** For localhost, good for a month; gives the PEM file with the key in it. */
function makeCertificate(dir: string): string {
  const [key, certificate, pem] = ['key.pem', 'certificate.pem', 'postern.pem'].map((name) => join(dir, name));
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', key!, '-out', certificate!];
  execFileSync(findBinary('openssl'), ['req', ...kind, ...names, ...files], { stdio: 'ignore' });
  writeFileSync(pem!, readFileSync(certificate!, 'utf8') + readFileSync(key!, 'utf8'), { mode: 0o600 });
  return pem!;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
