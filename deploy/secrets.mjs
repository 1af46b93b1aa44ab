/**
 * Makes the secrets that deploy/compose.yml reads, each in a file of its own, where they are not there yet:
 * `node deploy/secrets.mjs [folder]` (deploy/secrets). They are readable for containers that do not run as root, so
 * the folder is the lock: it is closed to everybody else on this machine.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = process.argv[2] ?? fileURLToPath(new URL('secrets', import.meta.url));
mkdirSync(folder, { recursive: true });
// It may have been there, with somebody's certificate in it.
chmodSync(folder, 0o700);

const made = (bytes) => randomBytes(bytes).toString('base64url');
const apitoken = () => `apt_${randomUUID().replaceAll('-', '')}_${made(32)}`;

const [postgres, redis] = [once('postgres_password', made(24)), once('redis_password', made(24))];
once('database_url', `postgres://postern:${postgres}@postgres:5432/postern`);
once('redis_url', `redis://postern:${redis}@redis:6379`);
const users = readFileSync(new URL('redis/users.acl', import.meta.url), 'utf8');
once('redis_users', users.replace('PASSWORD_SHA256', createHash('sha256').update(redis).digest('hex')));
for (const account of ['admin', 'app']) {
  once(`${account}_password`, made(18));
  once(`${account}_apitoken`, apitoken());
}
certificate('postern.pem');

/** The content of the file, which is `text` where there was none. */
function once(name, text) {
  const path = join(folder, name);
  if (!existsSync(path)) writeFileSync(path, text, { mode: 0o644 });
  return readFileSync(path, 'utf8');
}

/** One that nobody trusts, until yours stands in its place: certificate, chain and key in one file. */
function certificate(name) {
  if (existsSync(join(folder, name))) return;
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '365'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', '-', '-out', '-'];
  once(name, execFileSync('openssl', ['req', ...kind, ...names, ...files], { stdio: ['ignore', 'pipe', 'ignore'] }));
}
