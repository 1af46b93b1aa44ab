import type { DataSource } from 'typeorm';
import { createLogger } from '../../src/bootstrap/logger.js';
import { requirePostgresVersion } from '../../src/bootstrap/prepare-database.js';
import { requireRedis } from '../../src/bootstrap/require-redis.js';
import { loadConfig } from '../../src/config/env.js';
import type { RedisServer } from '../../src/redis/redis-node.js';
import { RedisService } from '../../src/redis/redis.service.js';
import { eventually } from '../support/barrier.js';
import { startRedis, type RedisServer as RedisProcess } from '../support/redis-server.js';
import { TEST_ENV } from '../support/app.js';

/** A real connection to a server that claims to be of another version. */
class ClaimingRedis extends RedisService {
  claimed: Partial<RedisServer> = {};

  override async inspect(): Promise<RedisServer> {
    return { ...(await super.inspect()), ...this.claimed };
  }
}

describe('what Redis must be', () => {
  let server: RedisProcess;
  let redis: ClaimingRedis;
  const logger = createLogger({ logLevel: 'silent' });
  const unfit: string[] = [];

  beforeAll(async () => {
    server = await startRedis();
    redis = new ClaimingRedis(loadConfig({ ...TEST_ENV, REDIS_URL: server.url, DATABASE_URL: 'postgres://h/d' }));
    redis.onModuleInit();
  });
  afterAll(async () => {
    redis.onModuleDestroy();
    await server.stop();
  });

  it.each(['6.2.14', '5.0.0', '0'])('is not version %s', async (version) => {
    redis.claimed = { version };
    const start = requireRedis(redis, logger, (reason) => unfit.push(reason));
    await expect(start).rejects.toThrow(`REDIS_URL: Redis is version ${version}, needed is 7.0 or later`);
  });

  it.each(['allkeys-lru', 'volatile-ttl'])('does not drop keys by %s', async (maxmemoryPolicy) => {
    redis.claimed = { maxmemoryPolicy };
    const start = requireRedis(redis, logger, (reason) => unfit.push(reason));
    await expect(start).rejects.toThrow(`maxmemory-policy is ${maxmemoryPolicy}`);
  });

  it('is version 7.0, 7.2 or 10, and may keep its policy to itself', async () => {
    for (const version of ['7.0.0', '7.2.4', '10.0.1']) {
      redis.claimed = { version, maxmemoryPolicy: undefined };
      await requireRedis(redis, logger, (reason) => unfit.push(reason));
    }
    expect(unfit).toEqual([]);
  });

  it('is looked at again at every new connection', async () => {
    redis.claimed = { version: '6.0.0' };
    redis.reconnect();
    await eventually(() => unfit.length > 0);
    expect(unfit[0]).toContain('version 6.0.0');
  });
});

describe('what Postgres must be', () => {
  function claiming(version: string, text: string): DataSource {
    return { query: () => Promise.resolve([{ version, text }]) } as unknown as DataSource;
  }

  it('is version 15 or later', async () => {
    for (const version of ['150000', '150004', '180001']) await requirePostgresVersion(claiming(version, ''));
    const old = requirePostgresVersion(claiming('140019', '14.19'));
    await expect(old).rejects.toThrow('DATABASE_URL: Postgres is version 14.19, needed is 15 or later');
  });
});
