import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { moveIntoPlace } from '../../src/database/embedded-postgres-files.js';

const CACHE = join(import.meta.dirname, '../../.cache');
/** Where Debian puts servers, which is not on everybody's PATH. */
const SERVER_FOLDERS = ['/usr/local/sbin', '/usr/sbin'];
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** What a shell and the loader end with where a program cannot be run. */
const CANNOT_RUN = [126, 127];

const found = new Map<string, string>();

/**
 * The path of a `program` that runs: the one that TEST_<PROGRAM> names (TEST_REDIS_SERVER), the first on the PATH, or
 * that of Debian's package of the same name, unpacked into `.cache` once with the libraries that this machine lacks,
 * and not installed: it needs no root. With `release` (`trixie`) always Debian's of that release, with all its
 * libraries, the C library too. A `redis-server --sentinel` is a sentinel.
 * @throws Error that names what to install
 */
export function findBinary(program: string, release?: string): string {
  const name = release === undefined ? program : `${program}-${release}`;
  const variable = `TEST_${name.toUpperCase().replaceAll('-', '_')}`;
  const path = found.get(name) ?? process.env[variable] ?? (release === undefined ? onPath(program) : undefined);
  const usable = path ?? fromDebian(program, release, join(CACHE, name), variable);
  if (!found.has(name) && !runs(usable)) throw new Error(`${usable} does not run: set ${variable} to one that does`);
  found.set(name, usable);
  return usable;
}

function onPath(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SERVER_FOLDERS];
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
}

/** Whether it is loaded, whatever it thinks of the option. */
function runs(path: string): boolean {
  const { error, status } = spawnSync(path, ['--version'], { env: {}, stdio: 'ignore' });
  return error === undefined && !CANNOT_RUN.includes(status!);
}

function fromDebian(program: string, release: string | undefined, root: string, variable: string): string {
  const start = join(root, 'start');
  if (existsSync(start)) return start;
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'unpacking-'));
  try {
    const unpacked = join(work, 'root');
    for (const archive of download(program, release, work)) execFileSync('dpkg', ['-x', archive, unpacked]);
    writeFileSync(join(unpacked, 'start'), startScript(unpacked, program), { mode: 0o755 });
    moveIntoPlace(unpacked, root);
  } catch (cause) {
    const install = `apt install ${program}, brew install it, or set ${variable} to the path of one`;
    throw new Error(`the tests need ${program}, and there is none on the PATH: ${install}`, { cause });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return start;
}

/** Downloads the package and what it depends on and this machine has not; gives the archives. */
function download(program: string, release: string | undefined, work: string): string[] {
  mkdirSync(join(work, 'archives/partial'), { recursive: true });
  const wanted = ['--no-install-recommends', '--download-only', '-y', 'install', program];
  if (release !== undefined || apt(work, [], wanted).status !== 0) {
    // Lists of our own, which need no root: the machine has none, or not of this release.
    mkdirSync(join(work, 'lists/partial'), { recursive: true });
    const own = [
      '-o',
      `Dir::State::lists=${join(work, 'lists')}`,
      ...(release === undefined ? [] : only(release, work)),
    ];
    apt(work, own, ['update']);
    const { status, stderr } = apt(work, own, wanted);
    if (status !== 0) throw new Error(stderr.toString());
  }
  const names = readdirSync(join(work, 'archives')).filter((name) => name.endsWith('.deb'));
  return names.map((name) => join(work, 'archives', name));
}

function apt(work: string, options: readonly string[], command: readonly string[]): SpawnSyncReturns<Buffer> {
  const alone = ['-o', 'Debug::NoLocking=1', '-o', 'APT::Sandbox::User=root', '-o', `Dir::Cache=${work}`];
  return spawnSync('apt-get', ['-qq', ...alone, ...options, ...command], { cwd: work });
}

/** Options for `release` of the mirror that this machine uses, as if nothing were installed here. */
function only(release: string, work: string): string[] {
  const targets = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
  const mirror = targets
    .toString()
    .split('\n')
    .find((uri) => /\/debian\/?$/.test(uri));
  if (mirror === undefined) throw new Error('this machine uses no mirror of Debian');
  const signed = existsSync(KEYS) ? `[signed-by=${KEYS}] ` : '';
  writeFileSync(join(work, 'sources.list'), `deb ${signed}${mirror} ${release} main\n`);
  writeFileSync(join(work, 'status'), '');
  return [
    ...['-o', `Dir::Etc::sourcelist=${join(work, 'sources.list')}`, '-o', 'Dir::Etc::sourceparts=/dev/null'],
    ...['-o', `Dir::State::status=${join(work, 'status')}`],
  ];
}

/** Starts the program with the libraries beside it; with the loader too, where its C library is among them. */
function startScript(root: string, program: string): string {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const file = ['usr/bin', 'usr/sbin'].map((folder) => `${folder}/${program}`).find((path) => files.includes(path));
  if (file === undefined) throw new Error(`there is no ${program} in its package`);
  const libraries = files.filter(
    (path) => /lib\/[^/]+-linux-gnu$/.test(path) && statSync(join(root, path)).isDirectory(),
  );
  const searched = libraries.map((path) => `$root/${path}`).join(':');
  const loader = files.find((path) => /-linux-gnu\/ld-linux[^/]*\.so\.\d+$/.test(path));
  const command =
    loader === undefined
      ? `LD_LIBRARY_PATH="${searched}" exec "$root/${file}" "$@"`
      : `exec "$root/${loader}" --library-path "${searched}" "$root/${file}" "$@"`;
  return `#!/bin/sh\nroot=\${0%/*}\n${command}\n`;
}
