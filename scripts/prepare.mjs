/**
 * What `npm start` and `npm test` need first, on a machine that has only npm and a Node that may be as old as 20:
 * installs where node_modules is not what the lock file says, builds where `dist` is not of these sources.
 * `--no-build` leaves the build out.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the lock file brings no Node of its own: the first that strips types without being asked to. */
const OLDEST_NODE = [22, 18];
const SOURCES = [
  ...['src', 'migrations', 'tsconfig.json', '.swcrc', 'nest-cli.json'],
  ...['client/src', 'client/package.json', 'client/tsconfig.json'],
  ...['web/src', 'web/index.html', 'web/package.json', 'web/tsconfig.json', 'web/vite.config.ts'],
  ...['package.json', 'package-lock.json'],
];
const LOCK = '.cache/prepare.lock';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
requireNode();
alone(() => {
  if (!isInstalled()) install();
  const sources = process.argv.includes('--no-build') ? undefined : digest(SOURCES);
  if (sources !== undefined && sources !== read('dist/.sources')) build(sources);
});

/** Linux on x64 and arm64 gets Node 24 from npm, linked where npm's scripts look first; it needs glibc. */
function requireNode() {
  const { platform, arch, versions, report } = process;
  if (platform === 'linux' && report.getReport().header.glibcVersionRuntime === undefined) {
    fail('This runs on Linux with glibc; on one without it (Alpine), use a Debian-based image.');
  }
  if (platform === 'linux' && (arch === 'x64' || arch === 'arm64')) return;
  const [major, minor] = versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  fail(`Node ${OLDEST_NODE.join('.')} or later is needed on ${platform}-${arch}; this is ${versions.node}.`);
}

/** Whether what npm noted in node_modules when it was last done there is what the lock file asks for. */
function isInstalled() {
  const [wanted, found] = ['package-lock.json', 'node_modules/.package-lock.json'].map(packagesOf);
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/') || entry.link) return true;
    // An optional one is for another platform.
    return path in found ? found[path].integrity === entry.integrity : Boolean(entry.optional || entry.devOptional);
  });
}

function packagesOf(file) {
  return JSON.parse(read(file) ?? '{}').packages ?? {};
}

function install() {
  console.log('Installing the packages of the lock file …');
  // No package needs its install script. What builds and tests is wanted even where NODE_ENV=production.
  npm('ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-progress', '--loglevel=error');
}

function build(sources) {
  console.log('Building …');
  npm('run', '--silent', 'build');
  writeFileSync('dist/.sources', sources);
}

/** The npm that started us, or the one on the PATH. */
function npm(...args) {
  const cli = process.env.npm_execpath;
  const [command, first] = cli === undefined ? ['npm', []] : [process.execPath, [cli]];
  const { status, error } = spawnSync(command, [...first, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error || status !== 0) fail(`npm ${args[0]} ${args[1]} failed${error ? `: ${error.message}` : '.'}`);
}

/** Two at once would empty each other's folders: the second waits for the first, and then finds all done. */
function alone(work) {
  mkdirSync('.cache', { recursive: true });
  while (!takesLock()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  process.on('exit', () => rmSync(LOCK, { force: true }));
  work();
}

function takesLock() {
  try {
    writeFileSync(LOCK, `${process.pid}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  const holder = Number(read(LOCK));
  if (holder > 0 && !isAlive(holder)) rmSync(LOCK, { force: true });
  return false;
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function fail(line) {
  console.error(line);
  process.exit(1);
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** Of the names and contents of files and folders. */
function digest(paths) {
  const hash = createHash('sha256');
  for (const file of paths.flatMap(filesIn)) hash.update(`${file}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

function filesIn(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesIn(join(path, name)));
}
