import { Logger, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { Pool } from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Config } from '../config/config.js';
import { dataSourceOptions } from './data-source.js';

/** A Postgres that goes away between `prepareDatabase` and this pool is waited for so long: 20 × 500 ms. */
const RETRIES = { retryAttempts: 20, retryDelay: 500, verboseRetryLog: false } as const;

const logger = new Logger('Database');

/**
 * A connected data source whose pool outlives every loss of Postgres. An `error` event that nobody listens to ends a
 * Node process, and node-postgres emits them on the pool (a client that lies idle) and on each client: TypeORM listens
 * to a client only while it uses it.
 */
export async function connect(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = await new DataSource({
    ...options,
    poolErrorHandler: (error: Error) => logger.warn({ err: error, msg: 'a Postgres connection was lost' }),
  } as DataSourceOptions).initialize();
  // What a client in use has lost is told by the query that fails.
  poolOf(dataSource).on('connect', (client) => client.on('error', () => undefined));
  return dataSource;
}

/**
 * Opens every connection of the pool, as far as Postgres lets it: the first calls of a process that takes over from
 * another come all at once, and would wait for them, on a busy core longer than the second that they may.
 */
export async function fillPool(dataSource: DataSource): Promise<void> {
  const pool = poolOf(dataSource);
  const opened = await Promise.allSettled(Array.from({ length: pool.options.max }, () => pool.connect()));
  for (const client of opened) if (client.status === 'fulfilled') client.value.release();
}

function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as unknown as { master: Pool }).master;
}

/** The one pool of this process; `Config.databaseUrl` is set by then, to the embedded Postgres too. */
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [Config],
      useFactory: ({ databaseUrl }: Config) => {
        if (databaseUrl === undefined) throw new Error('no database has been started');
        return { ...dataSourceOptions(databaseUrl), ...RETRIES };
      },
      dataSourceFactory: (options) => connect(options!),
    }),
  ],
})
export class DatabaseModule {}
