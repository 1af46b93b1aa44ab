import { discoverBySentinels } from '../../src/redis/sentinel-discovery.js';
import { redisNodes } from '../../src/config/address-parsers.js';
import { loadConfig } from '../../src/config/env.js';
import { RedisService } from '../../src/redis/redis.service.js';
import { TEST_ENV } from '../support/app.js';
import { eventually } from '../support/barrier.js';
import { freePort } from '../support/ports.js';
import { ask, startSentinels, type RedisFleet } from '../support/redis-fleet.js';

describe('the master that sentinels name', () => {
  let redis: RedisFleet;
  let sentinels: string[];
  let nobody: string;

  beforeAll(async () => {
    redis = await startSentinels();
    sentinels = redisNodes(redis.env.REDIS_URL);
    nobody = `redis://127.0.0.1:${await freePort()}`;
  }, 60_000);
  afterAll(() => redis?.stop());

  test('is found where half of them answer, and not where fewer do', async () => {
    const { port } = redis.servers[0]!;
    const found = { masters: [`redis://127.0.0.1:${port}`] };
    expect(await discovered(sentinels)).toEqual(found);
    expect(await discovered([sentinels[0]!, nobody])).toEqual(found);
    await expect(discoverBySentinels([sentinels[0]!, nobody, nobody], 'mymaster')).rejects.toThrow('of 3 sentinels');
    await expect(discoverBySentinels(sentinels, 'another')).rejects.toThrow('0 of 3 sentinels');
  });

  /** Asked again where a busy machine let nobody answer in time, as the service does. */
  async function discovered(urls: readonly string[]): Promise<unknown> {
    let found: unknown;
    await eventually(async () => {
      found = await discoverBySentinels(urls, 'mymaster').catch(() => undefined);
      return found !== undefined;
    });
    return found;
  }

  test('is reached with the user of REDIS_URL, whom the sentinels need not know', async () => {
    for (const { url } of redis.servers) await ask(url, 'ACL', 'SETUSER', 'postern', 'on', '>river7', '+@all', '~*');
    const REDIS_URL = redis.env.REDIS_URL.replace('//', '//postern:river7@');
    const config = loadConfig({ ...TEST_ENV, DATABASE_URL: 'postgres://h/d', ...redis.env, REDIS_URL });
    const service = new RedisService(config);
    try {
      service.onModuleInit();
      await eventually(() => service.ready);
      expect(await service.at('').client.sendCommand(['ACL', 'WHOAMI'])).toBe('postern');
      expect((await service.inspect()).isMaster).toBe(true);
    } finally {
      service.onModuleDestroy();
    }
  });
});
