import { createClient } from 'redis';
import { Problem } from '../../src/common/problem.js';
import type { Config } from '../../src/config/config.js';
import { createDataSource } from '../../src/database/data-source.js';
import { Limiter } from '../../src/limits/limiter.js';
import type { LimitStore } from '../../src/limits/limit-store.js';
import { PostgresLimitStore } from '../../src/limits/postgres-limit-store.js';
import { RedisLimitStore } from '../../src/limits/redis-limit-store.js';
import { SignupLimits } from '../../src/limits/signup-limits.js';
import { createTestDatabase } from '../setup/test-database.js';
import { startRedis } from '../support/redis-server.js';
import { STORES, type StoreUnderTest } from './limit-stores.js';

/** What a call is refused with, or null where it passes. */
async function refusal(work: () => Promise<unknown>): Promise<{ code: string; retryAfter: number | undefined } | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { code: error.code, retryAfter: error.options.retryAfterSeconds };
  }
}

describe('the limiter', () => {
  let world: StoreUnderTest;
  let limiter: Limiter;

  beforeAll(async () => {
    world = await STORES[0]![1]();
    limiter = new Limiter(world.first);
  });
  beforeEach(() => world.reset());
  afterAll(() => world.close());

  async function fill(count: number, work: () => Promise<unknown>): Promise<void> {
    for (let i = 0; i < count; i += 1) await work();
  }

  it('refuses with 429 and a wait that is never too short', async () => {
    const take = () => limiter.take('bucket', 'key', 1, 3600);
    await take();
    expect(await refusal(take)).toEqual({ code: 'rate_limited', retryAfter: 3600 });
    await world.age(3600_000 - 115_000);
    expect(await refusal(take)).toEqual({ code: 'rate_limited', retryAfter: 120 });
    await world.age(85_000);
    const { retryAfter } = (await refusal(take))!;
    expect(retryAfter).toBeLessThanOrEqual(30);
    expect(retryAfter).toBeGreaterThan(20);
  });

  it('says the waits of a run in whole seconds', async () => {
    const reserve = () => limiter.reserveTry('bucket', 'key');
    for (let number = 1; number <= 12; number += 1) {
      await reserve();
      await world.age(64_000);
    }
    await reserve();
    const { code, retryAfter } = (await refusal(reserve))!;
    expect(code).toBe('rate_limited');
    expect(retryAfter).toBeLessThanOrEqual(128);
    expect(retryAfter).toBeGreaterThan(121);
  });

  it('gives a take back, and a try with its wait', async () => {
    const one = await limiter.take('bucket', 'key', 1, 60);
    await one.giveBack();
    await limiter.take('bucket', 'key', 1, 60);

    await fill(5, () => limiter.reserveTry('run', 'key'));
    const sixth = await limiter.reserveTry('run', 'key');
    await sixth.giveBack();
    await limiter.reserveTry('run', 'key');
  });

  it('sees one source in a thousand addresses of a /64', async () => {
    const address = (i: number) => `2001:db8:1:2:${i.toString(16)}:${(i * 7).toString(16)}::${(i + 1).toString(16)}`;
    const passed = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => refusal(() => limiter.takeSource('bucket', address(i), 10, 60))),
    );
    expect(passed.filter((one) => one === null)).toHaveLength(10);
  });

  it('sees one source in an IPv4 address and its IPv6 spelling', async () => {
    await limiter.takeSource('bucket', '203.0.113.7', 1, 60);
    expect(await refusal(() => limiter.takeSource('bucket', '::ffff:203.0.113.7', 1, 60))).toMatchObject({
      code: 'rate_limited',
    });
    await limiter.takeSource('bucket', '203.0.113.8', 1, 60);
  });

  it('stops a /48 at 5 times the number, without counting against the /64 that was refused', async () => {
    for (let net = 0; net < 5; net += 1) {
      await fill(2, () => limiter.takeSource('bucket', `2001:db8:1:${net}::1`, 2, 60));
    }
    const sixth = () => limiter.takeSource('bucket', '2001:db8:1:99::1', 2, 60);
    expect(await refusal(sixth)).toMatchObject({ code: 'rate_limited' });
    expect(Object.keys(await world.lifetimes())).not.toContain('bucket:2001:db8:1:99::/64');
    await limiter.takeSource('bucket', '2001:db8:2:0::1', 2, 60);
  });

  it('gives both back', async () => {
    const hold = await limiter.takeSource('bucket', '2001:db8:1:2::1', 1, 60);
    expect(hold.count).toBe(1);
    expect(Object.keys(await world.lifetimes()).toSorted()).toEqual([
      'bucket:2001:db8:1:2::/64',
      'bucket:2001:db8:1::/48',
    ]);
    await hold.giveBack();
    expect(await world.lifetimes()).toEqual({});
  });

  it('fails where there is no address', async () => {
    expect(await refusal(() => limiter.takeSource('bucket', undefined, 10, 60))).toMatchObject({ code: 'unavailable' });
  });

  describe('of sign-ups', () => {
    const config = { signupAppPerMinute: 12, signupPerSourcePerDay: 14, webSignupPerSourcePerHour: 5 } as Config;
    let signups: SignupLimits;

    beforeAll(() => {
      signups = new SignupLimits(limiter, config);
    });

    it('stops a source at 10 a minute', async () => {
      await fill(10, () => signups.throughApp('app', '203.0.113.7'));
      expect(await refusal(() => signups.throughApp('app', '203.0.113.7'))).toMatchObject({ code: 'rate_limited' });
      expect(await refusal(() => signups.throughApp('app', '203.0.113.8'))).toBeNull();
    });

    it('stops a source at its number a day', async () => {
      await fill(10, () => signups.throughApp('app', '203.0.113.7'));
      await world.age(60_000);
      await fill(4, () => signups.throughApp('app', '203.0.113.7'));
      const { retryAfter } = (await refusal(() => signups.throughApp('app', '203.0.113.7')))!;
      expect(retryAfter).toBeGreaterThan(86_000);
      expect(retryAfter).toBeLessThanOrEqual(86_400);
    });

    it('stops an app account at its number a minute, and says once that it is reached', async () => {
      const reached: boolean[] = [];
      for (let i = 0; i < 12; i += 1) reached.push((await signups.throughApp('app', `203.0.113.${i}`)).appLimitReached);
      expect(reached).toEqual([...Array<boolean>(11).fill(false), true]);

      const thirteenth = () => signups.throughApp('app', '198.51.100.1');
      expect(await refusal(thirteenth)).toMatchObject({ code: 'rate_limited' });
      expect(await refusal(() => signups.throughApp('another', '198.51.100.1'))).toBeNull();
      // The refused one has cost its source nothing.
      await fill(9, () => signups.throughApp('another', '198.51.100.1'));
    });

    it('stops a source on the web at its number an hour', async () => {
      await fill(5, () => signups.onWeb('203.0.113.7'));
      expect(await refusal(() => signups.onWeb('203.0.113.7'))).toEqual({ code: 'rate_limited', retryAfter: 3600 });
    });
  });
});

describe('a limiter whose store is away', () => {
  const calls = (store: LimitStore) => {
    const limiter = new Limiter(store);
    return [
      () => limiter.take('bucket', 'key', 10, 60),
      () => limiter.takeSource('bucket', '2001:db8::1', 10, 60),
      () => limiter.reserveTry('bucket', 'key'),
      () => limiter.clear('bucket', 'key'),
    ];
  };

  it('says 503 without Redis', async () => {
    const server = await startRedis();
    const client = createClient({ url: server.url, disableOfflineQueue: true, socket: { reconnectStrategy: false } });
    client.on('error', () => undefined);
    await client.connect();
    const store = new RedisLimitStore({ at: () => ({ client }) });
    await new Limiter(store).take('bucket', 'key', 10, 60);
    await server.stop();
    for (const call of calls(store)) expect(await refusal(call)).toEqual({ code: 'unavailable', retryAfter: 2 });
  });

  it('says 503 without Postgres', async () => {
    const database = await createTestDatabase();
    const source = await createDataSource(database.url).initialize();
    await database.drop();
    for (const call of calls(new PostgresLimitStore(source))) {
      expect(await refusal(call)).toEqual({ code: 'unavailable', retryAfter: 2 });
    }
    await source.destroy();
  });
});
