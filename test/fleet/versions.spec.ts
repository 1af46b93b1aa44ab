import { createDataSource, migrate } from '../../src/database/data-source.js';
import { findBinary } from '../setup/debian-binary.js';
import { startPostgres15 } from '../support/postgres-15.js';
import { ask } from '../support/redis-fleet.js';
import { startRedis } from '../support/redis-server.js';
import { describeContract, type Place } from '../sessions/contract.js';

/** The oldest and the newest that the documentation names; the shared Postgres of the tests is the newest one. */
const REDIS: readonly (readonly [name: string, program: string, release: string, wanted: RegExp])[] = [
  ['Redis 7.0', 'redis-server', 'bookworm', /^redis_version:7\.0\./m],
  ['Redis 8.0', 'redis-server', 'trixie', /^redis_version:8\.0\./m],
  ['Valkey 8.1', 'valkey-server', 'trixie', /^valkey_version:8\.1\./m],
];

async function redisPlace(
  program: string,
  release: string,
  wanted: RegExp,
  more: Record<string, string>,
): Promise<Place> {
  const { url, stop } = await startRedis({ program: findBinary(program, release) });
  const info = await ask<string>(url, 'INFO', 'server');
  if (!wanted.test(info)) throw new Error(`another version than ${wanted}: ${info.slice(0, 200)}`);
  return { env: { REDIS_URL: url, ...more }, stop };
}

async function postgresPlace(): Promise<Place> {
  const { url, stop } = await startPostgres15();
  const dataSource = await createDataSource(url).initialize();
  await migrate(dataSource);
  const [row] = await dataSource.query<{ server_version: string }[]>('SHOW server_version');
  await dataSource.destroy();
  if (!row!.server_version.startsWith('15.')) throw new Error(`another version: ${row!.server_version}`);
  return { env: {}, databaseUrl: url, stop };
}

describeContract('PostgreSQL 15', postgresPlace);
for (const [name, program, release, wanted] of REDIS) {
  describeContract(name, () => redisPlace(program, release, wanted, {}));
  describeContract(`${name}, with a near cache`, () =>
    redisPlace(program, release, wanted, { SESSION_CACHE: 'tracked' }),
  );
}
