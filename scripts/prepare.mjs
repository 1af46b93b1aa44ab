// What `npm start` and `npm test` need first, on a machine that has only Node (20 or later) and npm: installs when the
// lock file is another one than last time, builds when a source is. `--no-build` leaves the build out.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

/** Types are stripped without a flag from here on; older machines get Node 24 from the lock file where it has one. */
const OLDEST_NODE = [22, 18];

if (stamp(['package.json', 'package-lock.json']) !== read('node_modules/.postern-installed')) install();
requireNode();
if (!process.argv.includes('--no-build')) {
  const sources = stamp(['src', 'migrations', 'package.json', '.swcrc', 'nest-cli.json']);
  if (sources !== read('dist/.postern-built')) build(sources);
}

function install() {
  console.log('Installing the packages of the lock file …');
  // No package needs its install script: what the embedded Postgres would link, the service links by itself.
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync('node_modules/.postern-installed', stamp(['package.json', 'package-lock.json']));
}

function build(sources) {
  console.log('Building …');
  run('npm', ['run', '--silent', 'build']);
  writeFileSync('dist/.postern-built', sources);
}

/** npm puts node_modules/.bin first, so that a Node of the lock file is the one that runs everything. */
function requireNode() {
  if (existsSync('node_modules/.bin/node')) return;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  console.error(`Node ${OLDEST_NODE.join('.')} or later is needed here; this is ${process.versions.node}.`);
  process.exit(1);
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

/** A digest of the names and contents of files and folders. */
function stamp(paths) {
  const digest = createHash('sha256').update(process.arch + process.platform);
  for (const path of paths) for (const file of filesIn(path)) digest.update(`${file}\0`).update(readFileSync(file));
  return digest.digest('hex');
}

function filesIn(path) {
  if (!existsSync(path)) return [];
  const entries = readdirSync('.', { withFileTypes: true }).find(({ name }) => name === path);
  if (entries?.isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}
