import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { createClient } from 'redis';
import { eventually } from '../support/barrier.js';
import { startRedis } from '../support/redis-server.js';
import { findBinary } from './debian-binary.js';
import { makeFolder, removeDatabaseFolder } from './folders.js';
import { execute } from './postgres-client.js';
import { createTestDatabase } from './test-database.js';

async function ask(url: string, ...command: string[]): Promise<unknown> {
  const client = await createClient({ url }).connect();
  try {
    return await client.sendCommand(command);
  } finally {
    client.destroy();
  }
}

describe('createTestDatabase', () => {
  it('gives each caller a migrated database of its own, however many ask at once', async () => {
    const databases = await Promise.all([createTestDatabase(), createTestDatabase(), createTestDatabase()]);
    await execute(databases[0].url, 'CREATE TABLE mine ()', 'SELECT FROM users');
    await expect(execute(databases[1].url, 'SELECT FROM mine')).rejects.toThrow('does not exist');
    await execute(databases[1].url, 'SELECT FROM users');
    await Promise.all(databases.map((database) => database.drop()));
    await expect(execute(databases[0].url, 'SELECT 1')).rejects.toThrow('does not exist');
  });
});

describe('findBinary', () => {
  it('gives a HAProxy and a PgBouncer that run, and names what to install where there is no such program', () => {
    expect(spawnSync(findBinary('haproxy'), ['-v']).stdout.toString()).toMatch(/^HAProxy version \d/);
    expect(spawnSync(findBinary('pgbouncer'), ['--version']).stdout.toString()).toMatch(/^PgBouncer \d/);
    expect(() => findBinary('no-such-program')).toThrow(/apt install no-such-program, .* TEST_NO_SUCH_PROGRAM/);
  });
});

describe('startRedis', () => {
  it('starts again on the same port with what was saved before it was killed', async () => {
    const dir = makeFolder('redis');
    const first = await startRedis({ dir });
    await ask(first.url, 'SET', 'key', 'saved');
    await ask(first.url, 'SAVE');
    await ask(first.url, 'SET', 'key', 'lost');
    await first.kill();
    const second = await startRedis({ dir, port: first.port });
    expect(await ask(second.url, 'GET', 'key')).toBe('saved');
    expect(await ask(second.url, 'CONFIG', 'GET', 'maxmemory-policy')).toMatchObject({
      'maxmemory-policy': 'noeviction',
    });
    await second.stop();
    removeDatabaseFolder(dir);
  });

  it('leaves neither process nor folder behind when its user is killed', async () => {
    const script = `
      const { startRedis } = await import('./test/support/redis-server.ts');
      const { pid, dir } = await startRedis();
      console.log(JSON.stringify({ pid, dir }));`;
    const args = ['--import', './scripts/typescript.mjs', '--input-type=module', '-e', script];
    const cwd = join(import.meta.dirname, '../..');
    const user = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface(user.stdout), 'line')) as [string];
    const { pid, dir } = JSON.parse(line) as { pid: number; dir: string };
    expect(existsSync(dir)).toBe(true);
    user.kill('SIGKILL');
    // The folder goes last, a moment after the signal that ends the process.
    while (existsSync(dir)) await wait(50);
    await eventually(() => !existsSync(`/proc/${pid}/exe`));
  });
});
