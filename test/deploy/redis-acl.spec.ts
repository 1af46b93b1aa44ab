import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createClient } from 'redis';
import { TruthService } from '../../src/authority/truth.service.js';
import { makeFolder } from '../setup/folders.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/barrier.js';
import { adminLogin, api, createUser, expectStatus, login } from '../support/client.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';

let folder: string;
let redis: RedisServer;
let redisUrl: string;
let apps: TestApp[];

beforeAll(async () => {
  folder = makeFolder('acl', 0o700);
  const secrets = join(folder, 'secrets');
  execFileSync(process.execPath, ['deploy/secrets.mjs', secrets]);
  const include = ['--include', resolve('deploy/redis/redis.conf'), '--bind', '127.0.0.1'];
  redis = await startRedis({
    dir: folder,
    args: [...include, '--aclfile', join(secrets, 'redis_users')],
  });
  redisUrl = readFileSync(join(secrets, 'redis_url'), 'utf8').replace('@redis:6379', `@127.0.0.1:${redis.port}`);
  const strict = await startTestApp({ store: 'redis', redisUrl });
  const { databaseUrl } = strict;
  apps = [strict, await startTestApp({ store: 'redis', redisUrl, databaseUrl, env: { SESSION_CACHE: 'tracked' } })];
});
afterAll(async () => {
  for (const app of apps.toReversed()) await app.close();
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('the Redis of deploy/redis', () => {
  it.each([
    ['strict', 0],
    ['tracked', 1],
  ])('lets the service do all that it does, %s', async (_cache, index) => {
    const app = apps[index]!;
    // It may still be adopting the generation that the other one has begun.
    await eventually(() => app.get(TruthService).ready);
    const admin = await adminLogin(app.url);
    const user = await createUser(app.url);
    const first = await login(app.url, user);
    const second = await login(app.url, user);
    expect((await api(app.url).get('/v1/auth/check', { as: first })).status).toBe(204);
    const { items } = expectStatus(await api(app.url).get<{ items: unknown[] }>('/v1/sessions', { as: first }), 200);
    expect(items).toHaveLength(2);
    // Limits: a wrong password, and what is given back after a right one.
    const wrong = { username: user.username, password: 'something else entirely', apitoken: user.apitoken };
    expect((await api(app.url).post('/v1/auth/login', wrong)).status).toBe(401);
    expect(
      (await api(app.url).post('/v1/auth/reauthenticate', { password: user.password }, { as: first })).status,
    ).toBe(200);
    expect((await api(app.url).post('/v1/auth/logout', undefined, { as: second })).status).toBe(204);
    expect((await api(app.url).get('/v1/auth/check', { as: second })).status).toBe(401);
    const disabled = await api(app.url).patch(`/v1/users/${user.userid}`, { status: 'disabled' }, { as: admin });
    expect(disabled.status).toBe(200);
    expect((await api(app.url).get('/v1/auth/check', { as: first })).status).toBe(401);
    expect((await api(app.url).delete('/v1/all-sessions', { as: admin })).status).toBe(204);
    expect(app.fatal).toEqual([]);
  });

  it('lets the user of the service do nothing else, and nobody else anything', async () => {
    const client = await createClient({ url: redisUrl }).connect();
    for (const command of [
      ['FLUSHALL'],
      ['KEYS', '*'],
      ['CONFIG', 'GET', '*'],
      ['SCAN', '0'],
      ['DEBUG', 'SLEEP', '0'],
      ['ACL', 'LIST'],
    ]) {
      await expect(client.sendCommand(command)).rejects.toThrow(/NOPERM/);
    }
    await expect(client.get('another:key')).rejects.toThrow(/NOPERM/);
    await expect(client.eval(`return redis.call('GET', 'another:key')`)).rejects.toThrow(/access/);
    client.destroy();
    const socket = { reconnectStrategy: false } as const;
    const nobody = createClient({ url: `redis://127.0.0.1:${redis.port}`, socket });
    nobody.on('error', () => undefined);
    await expect((async () => (await nobody.connect()).get('limit:a'))()).rejects.toThrow(/NOAUTH/);
    nobody.destroy();
  });

  it('keeps what it is told, and drops nothing', async () => {
    // The user of the service may not ask, but is told so much.
    const client = await createClient({ url: redisUrl }).connect();
    const info = await client.sendCommand<string>(['INFO']);
    client.destroy();
    expect(info).toMatch(/aof_enabled:1/);
    expect(info).toMatch(/maxmemory_policy:noeviction/);
  });

  it('allows each command that a script of ours calls', () => {
    const allowed = [...readFileSync('deploy/redis/users.acl', 'utf8').matchAll(/\+([a-z]+)/g)].map(
      ([, name]) => name!,
    );
    const sources = globSync('src/**/*.ts').map((file) => readFileSync(file, 'utf8'));
    const called = sources.flatMap((text) =>
      [...text.matchAll(/redis\.call\('([A-Z]+)'/g)].map(([, name]) => name!.toLowerCase()),
    );
    expect(called.length).toBeGreaterThan(10);
    expect(called.filter((name) => !allowed.includes(name))).toEqual([]);
  });
});
