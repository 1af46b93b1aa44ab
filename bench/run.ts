/** `npm run bench`: everything against everything in one run; writes results.md and guarded.svg beside this file. */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { databaseUrl, execute } from '../test/setup/postgres-client.js';
import { startServices } from '../test/setup/services.js';
import { createTestDatabase } from '../test/setup/test-database.js';
import { startRedis } from '../test/support/redis-server.js';
import { flood } from './flood.js';
import { guarded } from './guarded.js';
import type { World } from './lib/contender.js';
import { lists } from './lists.js';
import { logins } from './logins.js';
import { memory } from './memory.js';
import { processes } from './processes.js';
import { profile } from './profile.js';
import { staleness } from './staleness.js';

const HERE = import.meta.dirname;
/** `--quick` shows that everything runs; its figures say little. */
const quick = process.argv.includes('--quick');
const only = process.argv.slice(2).filter((name) => !name.startsWith('--'));
/** Only such a run changes the results that are kept. */
const whole = !quick && only.length === 0;

const SCENARIOS: Record<string, (world: World) => Promise<{ table: string; line: string; plot?: string }>> = {
  guarded: (world) => guarded(world, quick ? { rounds: 1, seconds: 1 } : { rounds: 5, seconds: 3 }),
  profile: (world) => profile(world, { seconds: quick ? 2 : 10 }),
  processes: (world) => processes(world, quick ? { rounds: 1, seconds: 1 } : { rounds: 4, seconds: 4 }),
  staleness: (world) => staleness(world, { revocations: quick ? 20 : 1_000 }),
  logins: (world) => logins(world, quick ? { rounds: 1, seconds: 3 } : { rounds: 3, seconds: 10 }),
  flood: (world) => flood(world, { seconds: quick ? 3 : 10 }),
  memory: (world) => memory(world, { sessions: quick ? 2_000 : 100_000 }),
  lists: (world) => lists(world, { rows: quick ? 10_000 : 1_000_000 }),
};

installPeers();
const stopServices = await startServices();
const redis = await startRedis();
try {
  await main();
} finally {
  await redis.stop();
  await stopServices();
}

async function main(): Promise<void> {
  const parts = [];
  for (const [name, run] of Object.entries(SCENARIOS)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const { table, line, plot } = await run(world());
    console.log(`${line}\n\n${table}\n`);
    if (plot !== undefined && whole) writeFileSync(join(HERE, `${name}.svg`), plot);
    parts.push(`## ${name}\n\n${plot === undefined ? '' : `![${name}](${name}.svg)\n\n`}${line}\n\n${table}\n`);
  }
  if (!whole) return;
  const machine = `${cpus().length} × ${cpus()[0]!.model}, Node ${process.versions.node}`;
  const when = new Date().toISOString().slice(0, 10);
  writeFileSync(join(HERE, 'results.md'), `# Results\n\nOne run, ${when}, on ${machine}.\n\n${parts.join('\n')}`);
}

/** Each contender has a database of its own; they share the Redis, whose keys do not meet. */
function world(): World {
  const server = process.env.TEST_POSTGRES_SERVER!;
  return {
    redisUrl: redis.url,
    newMigratedDatabase: async () => (await createTestDatabase()).url,
    newDatabase: async () => {
      const name = `bench_${randomUUID().replaceAll('-', '')}`;
      await execute(server, `CREATE DATABASE ${name}`);
      return databaseUrl(server, name);
    },
  };
}

function installPeers(): void {
  const [wanted, found] = ['package-lock.json', 'node_modules/.package-lock.json'].map((name) => join(HERE, name));
  if (existsSync(found!) && statSync(found!).mtimeMs >= statSync(wanted!).mtimeMs) return;
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-progress'], { cwd: HERE, stdio: 'inherit' });
  if (status !== 0) throw new Error('npm ci failed in bench');
}
