/**
 * Shows the service behind a real HAProxy with deploy/haproxy/haproxy.cfg: two processes on one database, and a
 * certificate made for the occasion. `npm run haproxy`, with the variables of the service; Ctrl-C stops everything.
 * HTTPS_PORT (8443) is where it answers.
 */
import './typescript.mjs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';

const { killWithUs } = await import('../test/setup/guard.ts');
const { startHaproxy } = await import('../test/support/haproxy.ts');
const { freePort } = await import('../test/support/ports.ts');

const httpsPort = Number(process.env.HTTPS_PORT ?? 8443);
const origins = [`https://localhost:${httpsPort}`, `https://127.0.0.1:${httpsPort}`].join(',');
const stopped = Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));

const ports = [await freePort(), await freePort()];
const services = [];
for (const port of ports) services.push(await startService(port));
const haproxy = await startHaproxy({ processes: ports.map((port) => `127.0.0.1:${port}`), httpsPort });
mkdirSync('.data', { recursive: true });
writeFileSync('.data/haproxy-certificate.pem', publicPart(haproxy.certificate));
console.log(`\nHAProxy answers on ${haproxy.url}, for two processes (${ports.join(' and ')}). Try:\n
  curl --cacert .data/haproxy-certificate.pem ${haproxy.url}/readyz\n
Ctrl-C stops everything.`);

await Promise.race([stopped, haproxy.exit, ...services.map(({ exit }) => exit)]);
await haproxy.stop();
for (const { child } of services) child.kill('SIGTERM');
await Promise.all(services.map(({ exit }) => exit));

/** One after the other, so that the first makes the database and its accounts; it is ready when this resolves. */
async function startService(port) {
  const env = { WEB_ORIGINS: origins, ...process.env, PORT: `${port}`, HOST: '127.0.0.1', TRUST_PROXY: '127.0.0.1' };
  const child = spawn(process.execPath, ['dist/main.js'], { env, stdio: 'inherit', detached: true });
  const exit = once(child, 'exit').finally(killWithUs(child.pid));
  let ended = false;
  void exit.then(() => (ended = true));
  while (!ended && !(await isReady(port))) await new Promise((resolve) => setTimeout(resolve, 100));
  return { child, exit };
}

async function isReady(port) {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.status === 200;
}

function publicPart(pem) {
  return pem.slice(0, pem.indexOf('-----BEGIN PRIVATE'));
}
