import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { moveIntoPlace } from '../../src/database/embedded-postgres-files.js';

const SERVER = ['redis-server', 'redis-tools'];
const LIBRARIES = ['libjemalloc2', 'liblua5.1-0', 'liblzf1', 'libatomic1', 'lua-cjson', 'lua-bitop'];
const CACHE = join(import.meta.dirname, '../../.cache');

export interface RedisBinary {
  readonly path: string;
  /** For LD_LIBRARY_PATH; empty where none is needed. */
  readonly libraries: string;
}

/**
 * A `redis-server` that runs: the one of TEST_REDIS_SERVER, the first on the PATH, or Debian's, unpacked into
 * `.cache` once and not installed. What was found is kept in the environment for the processes to come.
 * @throws Error that names what to install
 */
export function findRedisBinary(): RedisBinary {
  const { TEST_REDIS_SERVER: given, TEST_REDIS_LIBRARIES: libraries } = process.env;
  if (given !== undefined && libraries !== undefined) return { path: given, libraries };
  const found = given === undefined ? (onPath() ?? fromDebian()) : { path: given, libraries: '' };
  if (!runs(found)) throw new Error(`${found.path} does not run: set TEST_REDIS_SERVER to a redis-server that does`);
  process.env.TEST_REDIS_SERVER = found.path;
  process.env.TEST_REDIS_LIBRARIES = found.libraries;
  return found;
}

function onPath(): RedisBinary | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const path = folders.map((folder) => join(folder, 'redis-server')).find((file) => existsSync(file));
  return path === undefined ? undefined : { path, libraries: '' };
}

function runs({ path, libraries }: RedisBinary): boolean {
  return spawnSync(path, ['--version'], { env: { LD_LIBRARY_PATH: libraries } }).status === 0;
}

function fromDebian(): RedisBinary {
  const root = join(CACHE, 'redis');
  if (!existsSync(root)) unpack(root);
  const libraries = ['lib', 'usr/lib'].flatMap((folder) => archFolders(join(root, folder)));
  return { path: join(root, 'usr/bin/redis-server'), libraries: libraries.join(':') };
}

/** `usr/lib/x86_64-linux-gnu` and its like. */
function archFolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.includes('-linux-gnu'))
    .map((name) => join(folder, name));
}

function unpack(root: string): void {
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'unpacking-'));
  try {
    download(work);
    const archives = readdirSync(work).filter((name) => name.endsWith('.deb'));
    for (const archive of archives) execFileSync('dpkg', ['-x', archive, 'root'], { cwd: work });
    moveIntoPlace(join(work, 'root'), root);
  } catch (cause) {
    const install = 'apt install redis-server, brew install redis, or set TEST_REDIS_SERVER to the path of one';
    throw new Error(`the tests need a redis-server, and there is none on the PATH: ${install}`, { cause });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Downloads the packages into `work`; with lists of its own, which need no root, where the machine has none. */
function download(work: string): void {
  const apt = (...args: string[]) =>
    spawnSync('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', ...args], { cwd: work });
  if (apt('download', ...SERVER, ...LIBRARIES).status === 0) return;
  const lists = join(work, 'lists');
  mkdirSync(join(lists, 'partial'), { recursive: true });
  const own = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${work}`];
  apt(...own, 'update');
  if (apt(...own, 'download', ...SERVER, ...LIBRARIES).status === 0) return;
  // Another Debian, where a library has another name: what it is missed for shows when the server is tried.
  const { status, stderr } = apt(...own, 'download', ...SERVER);
  if (status !== 0) throw new Error(stderr.toString());
  for (const name of LIBRARIES) apt(...own, 'download', name);
}
