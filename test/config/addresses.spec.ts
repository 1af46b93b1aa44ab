import Fastify from 'fastify';
import pg from 'pg';
import { createClient } from 'redis';
import { blamed, inProduction, load, problemsOf, PRODUCTION } from './environments.js';

/** What node-pg itself makes of a URL: its own reading is the one that counts. */
function asNodePg(connectionString: string) {
  const { host, connectionParameters } = new pg.Client({ connectionString }) as unknown as {
    host: string;
    connectionParameters: { ssl: false | true | { rejectUnauthorized?: boolean; checkServerIdentity?: unknown } };
  };
  const { ssl } = connectionParameters;
  const checked = ssl === true || (typeof ssl === 'object' && ssl.rejectUnauthorized !== false);
  return { host, checked: checked && !(typeof ssl === 'object' && 'checkServerIdentity' in ssl) };
}

describe('DATABASE_URL in production', () => {
  const base = 'postgres://u:hZ4rPq8x@';
  const safe = [
    `${base}db.internal/x?sslmode=verify-full`,
    `${base}10.0.0.5/x?sslmode=verify-full`,
    `${base}db.internal/x?sslmode=verify-full&uselibpqcompat=true`,
    `${base}db.internal/x?ssl=false&sslmode=verify-full`,
    `postgresql://u:hZ4rPq8x@[2001:db8::1]:5432/x?sslmode=verify-full`,
  ];
  const here = [
    `${base}localhost/x`,
    `${base}LOCALHOST:5433/x`,
    `${base}127.0.0.1:5432/x`,
    `${base}127.1.2.3/x`,
    `${base}[::1]:5432/x`,
    `${base}db.internal/x?host=127.0.0.1`,
    `${base}localhost/x?host=/var/run/postgresql`,
    `postgres://%2Fvar%2Frun%2Fpostgresql/x`,
  ];
  const clear = [
    `${base}db.internal/x`,
    `${base}10.0.0.5/x`,
    `${base}0.0.0.0/x`,
    `${base}localhost.evil.io/x`,
    `${base}127.0.0.1.evil.io/x`,
    `${base}localhost/x?host=db.internal`,
    `${base}db.internal/x?sslmode=disable`,
    `${base}db.internal/x?sslmode=no-verify`,
    `${base}db.internal/x?sslmode=prefer`,
    `${base}db.internal/x?sslmode=require`,
    `${base}db.internal/x?sslmode=require&uselibpqcompat=true`,
    `${base}db.internal/x?sslmode=VERIFY-FULL`,
    `${base}db.internal/x?ssl=no-verify`,
    `${base}db.internal/x?ssl=true`,
  ];

  it.each(safe)('is encrypted and checked: %s', (url) => {
    expect(load(inProduction({ DATABASE_URL: url })).databaseUrl).toBe(url);
    expect(asNodePg(url).checked).toBe(true);
  });

  it.each(here)('stays on this machine: %s', (url) => {
    expect(problemsOf(inProduction({ DATABASE_URL: url }))).toEqual([]);
    expect(asNodePg(url).host).toMatch(/^(localhost|127\..*|::1|\/var\/run\/postgresql)$/i);
  });

  it.each(clear)('is refused: %s', (url) => {
    expect(blamed(inProduction({ DATABASE_URL: url }))).toEqual(['DATABASE_URL']);
    expect(problemsOf(inProduction({ DATABASE_URL: url, ALLOW_PLAINTEXT: 'true' }))).toEqual([]);
    expect(problemsOf({ DATABASE_URL: url })).toEqual([]);
  });

  it('is read as node-pg reads it: of every mixture, what is accepted is checked or stays here', () => {
    const modes = ['', 'disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full', 'Verify-Full', '1'];
    const others = ['', 'ssl=0', 'ssl=false', 'ssl=no-verify', 'uselibpqcompat=true', 'sslnegotiation=direct'];
    const hosts = ['db.internal', 'localhost', '127.0.0.1', '0.0.0.0', '[::1]', '[::]', '%6cocalhost', 'localhost.'];
    const queries = ['', 'host=db.internal', 'host=localhost', 'host=', 'host=%2Frun', 'hostaddr=127.0.0.1'];
    const urls = hosts.flatMap((host) =>
      modes.flatMap((mode) =>
        others.flatMap((other) =>
          queries.map((query) => `${base}${host}/x?${[mode && `sslmode=${mode}`, other, query].join('&')}`),
        ),
      ),
    );
    // With direct negotiation and without TLS node-pg refuses by itself.
    const accepted = urls
      .filter((url) => problemsOf(inProduction({ DATABASE_URL: url })).length === 0)
      .filter((url) => !/sslmode=disable.*direct/.test(url) && !/sslmode=(prefer|require|verify-ca)/.test(url));
    expect(accepted.length).toBeGreaterThan(300);
    const exposed = accepted.filter((url) => {
      const { host, checked } = asNodePg(url);
      return !checked && !/^(localhost|127\.0\.0\.1|::1|\/run)$/.test(host);
    });
    expect(exposed).toEqual([]);
    expect(accepted.filter((url) => !asNodePg(url).checked).length).toBeGreaterThan(50);
  });

  it.each([
    'db.internal:5432',
    'mysql://u@h/x',
    'http://db.internal/x',
    'postgres:///x',
    'postgres://u:p%zz@h/x',
    'postgres://u:p w@h/x',
    'postgres://a:1,b:2/x',
    'postgres://h:99999/x',
    'postgres://h/x?sslmode=verify-full&sslmode=disable',
    'postgres://h/x?host=a&host=b',
  ])('is no URL that node-pg could use, anywhere: %s', (url) => {
    expect(blamed({ DATABASE_URL: url })).toEqual(['DATABASE_URL']);
  });
});

describe('REDIS_URL', () => {
  it.each([
    ['rediss://redis.internal:6379', true],
    ['rediss://u:t7WmKc2v@redis.internal:6379/1', true],
    ['redis://localhost:6379', true],
    ['redis://127.0.0.1', true],
    ['redis://[::1]:6379/0', true],
    ['redis://redis.internal:6379', false],
    ['redis://u:t7WmKc2v@10.0.0.5', false],
    ['redis://localhost@redis.internal', false],
  ])('%s, in production: %s', async (url, fine) => {
    expect(blamed(inProduction({ REDIS_URL: url }))).toEqual(fine ? [] : ['REDIS_URL']);
    expect(load({ REDIS_URL: url }).redisUrl).toBe(url);
    const { socket } = createClient({ url }).options as unknown as { socket: { tls: boolean } };
    expect(socket.tls).toBe(url.startsWith('rediss:'));
  });

  it.each([
    'redis.internal:6379',
    'http://redis.internal',
    'redis://',
    'redis:///0',
    'redis://h:99999',
    'redis://h/zero',
    'redis://h/0/1',
    'redis://h?tls=true',
    'redis://u:p%zz@h',
    'redis://a:1,b:x',
    'redis://a:1,',
    'unix:///run/redis.sock',
  ])('is refused: %s', (url) => {
    expect(blamed({ REDIS_URL: url })).toEqual(['REDIS_URL']);
  });
});

describe('certificates', () => {
  it('are checked, whatever Node was told', () => {
    const off = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    const local = { DATABASE_URL: 'postgres://localhost/x', REDIS_URL: 'redis://localhost' };
    expect(blamed(inProduction(off))).toEqual(['NODE_TLS_REJECT_UNAUTHORIZED']);
    expect(problemsOf(inProduction({ ...off, ALLOW_PLAINTEXT: 'true' }))).toEqual([]);
    expect(problemsOf(inProduction({ ...off, ...local }))).toEqual([]);
    expect(problemsOf(off)).toEqual([]);
  });
});

describe('WEB_ORIGINS', () => {
  it('is a list of exact origins', () => {
    const WEB_ORIGINS = 'https://app.acme.io, https://acme.io:8443,http://localhost:3000,http://127.0.0.1';
    expect(load({ ...PRODUCTION, WEB_ORIGINS }).webOrigins).toEqual([
      'https://app.acme.io',
      'https://acme.io:8443',
      'http://localhost:3000',
      'http://127.0.0.1',
    ]);
  });

  it.each([
    '*',
    'null',
    'app.acme.io',
    'https://app.acme.io/',
    'https://app.acme.io/path',
    'https://app.acme.io?x',
    'https://app.acme.io#x',
    'https://app.acme.io:443',
    'http://app.acme.io:80',
    'https://APP.acme.io',
    'https://user:word@app.acme.io',
    'https://*.acme.io',
    'https://bücher.example',
    'https://acme.io:99999',
    'ftp://acme.io',
    'chrome-extension://abc',
    'javascript:alert(1)',
    'https://a.io,',
    'https://a.io;https://b.io',
    'https://a.io https://b.io',
  ])('refuses %s', (WEB_ORIGINS) => {
    expect(blamed({ WEB_ORIGINS })).toEqual(['WEB_ORIGINS']);
  });

  it.each(['http://app.acme.io', 'http://localhost.acme.io', 'http://10.0.0.5:3000'])(
    'takes %s in development only',
    (WEB_ORIGINS) => {
      expect(load({ WEB_ORIGINS }).webOrigins).toEqual([WEB_ORIGINS]);
      const problems = problemsOf(inProduction({ WEB_ORIGINS: `https://a.io,${WEB_ORIGINS}` }));
      expect(problems).toEqual([expect.stringMatching(/^WEB_ORIGINS: entry 2 must be https/)]);
    },
  );
});

describe('TRUST_PROXY', () => {
  it('is a list of blocks that Fastify understands, a plain address being one by itself', async () => {
    const { trustProxy } = load({ TRUST_PROXY: '10.0.0.0/8, 192.168.1.7,fd00::/8,::1,10.0.0.0/8' });
    expect(trustProxy).toEqual(['10.0.0.0/8', '192.168.1.7/32', 'fd00::/8', '::1/128']);
    const app = Fastify({ trustProxy: [...trustProxy] });
    app.get('/', (request) => request.ip);
    const seen = async (remoteAddress: string) => {
      const answer = await app.inject({ url: '/', remoteAddress, headers: { 'x-forwarded-for': '203.0.113.9' } });
      return answer.body;
    };
    expect(await seen('192.168.1.7')).toBe('203.0.113.9');
    expect(await seen('::ffff:192.168.1.7')).toBe('203.0.113.9');
    expect(await seen('192.168.1.8')).toBe('192.168.1.8');
    expect(await seen('::1')).toBe('203.0.113.9');
    expect(await seen('::2')).toBe('::2');
    await app.close();
  });

  it.each([
    'true',
    'false',
    '1',
    '2',
    '*',
    'loopback',
    'proxy.internal',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/33',
    '::1/129',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0',
    '10.0.0.0/255.0.0.0',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
    '::ffff:a00:1/104',
    '0:0:0:0:0:ffff:10.0.0.1',
    '10.0.0.1,',
    '10.0.0.1 10.0.0.2',
  ])('refuses %s', (TRUST_PROXY) => {
    expect(blamed({ TRUST_PROXY })).toEqual(['TRUST_PROXY']);
  });
});

describe('HOST', () => {
  it.each(['0.0.0.0', '::', '::1', 'localhost', 'api-1.internal'])('takes %s', (HOST) => {
    expect(load({ HOST }).host).toBe(HOST);
  });

  it.each(['localhost:3000', '[::1]', 'http://localhost', '12345', '1.2.3', 'a b', '-a', 'fe80::1%eth0'])(
    'refuses %s',
    (HOST) => {
      expect(blamed({ HOST })).toEqual(['HOST']);
    },
  );
});
