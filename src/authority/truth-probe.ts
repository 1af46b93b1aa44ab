import { Injectable, Logger } from '@nestjs/common';
import pg from 'pg';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Config } from '../config/config.js';
import { NEWEST_MIGRATION } from '../database/data-source.js';
import type { RedisServer } from '../redis/redis-node.js';
import { RedisService } from '../redis/redis.service.js';
import type { GenerationRow } from './generation.js';

/** What a heartbeat reads from Postgres. */
export interface PostgresTruth extends Omit<GenerationRow, 'lineage'> {
  readonly rowLineage: string;
  /** System id and timeline of the server that answered. */
  readonly lineage: string;
  readonly isPrimary: boolean;
  readonly schemaOurs: boolean;
  /** Its clock, in Unix ms. */
  readonly nowMs: number;
}

/** That of the next write: the control file has a promoted server's only after its first checkpoint, minutes later. */
const TIMELINE = `CASE WHEN pg_is_in_recovery() THEN 'none'
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int::text END`;

const QUESTION = `SELECT g.generation, g.lineage AS "rowLineage", g.lease_ms, g.store,
    (SELECT system_identifier FROM pg_control_system()) || ':' || ${TIMELINE} AS lineage,
    NOT pg_is_in_recovery() AS "isPrimary",
    EXISTS (SELECT 1 FROM migrations WHERE name = $1) AS "schemaOurs",
    extract(epoch FROM clock_timestamp())::float8 * 1000 AS "nowMs"
  FROM generation g`;

/** Asks Postgres, on a connection of its own, and Redis what they are. A question that hangs ends its connection. */
@Injectable()
export class TruthProbe {
  private readonly logger = new Logger(TruthProbe.name);
  private readonly timeoutMs: number;
  private client: pg.Client | null = null;
  private readonly url: string;

  constructor(
    config: Config,
    private readonly redisService: RedisService,
    @InjectDataSource() dataSource: DataSource,
  ) {
    this.timeoutMs = Math.max(300, config.truthLeaseMs / 4);
    this.url = (dataSource.options as { url: string }).url;
  }

  /** Throws where Postgres does not answer in time. */
  async postgres(): Promise<PostgresTruth> {
    const answer = await this.query(QUESTION, [NEWEST_MIGRATION]);
    const row = (answer as PostgresTruth[])[0];
    if (row === undefined) throw new Error('the generation row is missing');
    return row;
  }

  /** Null where sessions are in Postgres; throws where Redis does not answer in time. */
  async redis(): Promise<RedisServer | null> {
    if (!this.redisService.enabled) return null;
    if (!this.redisService.ready) throw new Error('Redis is not connected');
    const connection = this.redisService.connection;
    try {
      return await inTime(this.redisService.inspect(), this.timeoutMs);
    } catch (error) {
      // Only this connection: another one may have been dialled meanwhile.
      if (connection === this.redisService.connection) this.redisService.reconnect();
      throw error;
    }
  }

  async query(sql: string, parameters: unknown[] = []): Promise<unknown> {
    const client = await this.connected();
    try {
      const answer = await inTime(client.query(sql, parameters), this.timeoutMs);
      return answer.rows;
    } catch (error) {
      this.drop();
      throw error;
    }
  }

  async close(): Promise<void> {
    const client = this.client;
    this.client = null;
    await client?.end().catch(() => undefined);
  }

  private async connected(): Promise<pg.Client> {
    if (this.client) return this.client;
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'postern',
      connectionTimeoutMillis: 1000,
      keepAlive: true,
    });
    client.on('error', (error) => {
      this.logger.warn({ err: error }, 'Postgres connection of the heartbeat');
      if (this.client === client) this.drop();
    });
    await client.connect();
    this.client = client;
    return client;
  }

  private drop(): void {
    const client = this.client;
    this.client = null;
    // end() of a hung connection would wait for the server.
    (client as unknown as { connection?: { stream?: { destroy(): void } } })?.connection?.stream?.destroy();
  }
}

/**
 * Rejects after `ms`. The last look is taken one turn of the loop later, so that an answer which lay in the socket
 * while this process was busy still counts.
 */
async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => setImmediate(() => setImmediate(() => reject(new Error(`no answer in ${ms} ms`)))), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
