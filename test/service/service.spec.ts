import { TruthService } from '../../src/authority/truth.service.js';
import { Config } from '../../src/config/config.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { adminLogin, api, createUser, login, type Api } from '../support/client.js';

describe('what the service says of itself', () => {
  let app: TestApp;
  let client: Api;

  beforeAll(async () => {
    app = await startTestApp({ env: { SWAGGER_UI: 'true' } });
    client = api(app.url);
  });
  afterAll(() => app.close());

  it('is alive and ready, and looks at no credentials to say so', async () => {
    const headers = { 'x-user-id': 'nobody', authorization: 'Bearer nothing', cookie: '__Host-session=x' };
    for (const path of ['/livez', '/readyz']) {
      const reply = await client.get(path, { headers });
      expect([reply.status, reply.body]).toEqual([200, { status: 'ok' }]);
    }
  });

  it('answers HEAD as GET, and other methods with 405', async () => {
    const head = await client.call('HEAD', '/readyz', undefined);
    expect([head.status, head.body]).toEqual([200, undefined]);
    const post = await client.post('/readyz', {});
    expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it('tells a page what it must know before the first error', async () => {
    const reply = await client.get('/v1/config');
    expect([reply.status, reply.body]).toEqual([200, { webSignup: true, passwordMinLength: 15, basicAuth: false }]);
    expect((await client.get('/v1/config?x=1')).code).toBe('invalid_request');
  });

  it('serves Swagger UI from here alone, under a policy of its own, and the description', async () => {
    const page = await client.get<string>('/docs');
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain(`default-src 'none'`);
    expect(policy).toContain(`script-src 'self';`);
    const loaded = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)]
      .map(([, path]) => path!)
      .filter((path) => !path.startsWith('#'));
    expect(loaded.length).toBeGreaterThanOrEqual(4);
    for (const path of loaded) {
      expect(path).toMatch(/^\.\/docs\//);
      expect((await client.get(path.slice(1))).status).toBe(200);
    }
    const others = ['', 'no-such-file.js', 'index.html', 'package.json', 'swagger-initializer.js', 'swagger-ui.js.map'];
    for (const path of others) expect([path, (await client.get(`/docs/${path}`)).code]).toEqual([path, 'not_found']);
    for (const path of ['/docs', '/openapi.json', loaded[0]!.slice(1)]) {
      const refused = (await client.get(`${path}?x=1`)).problem;
      expect([refused.code, refused.errors]).toEqual(['invalid_request', [{ field: 'x', message: 'is unknown' }]]);
      expect((await client.call('GET', path, {}, {})).problem.errors).toEqual([
        expect.objectContaining({ field: 'body' }),
      ]);
    }
    const description = await client.get<{ openapi: string }>('/openapi.json');
    expect([description.status, description.body.openapi]).toEqual([200, '3.0.3']);
    expect(description.headers['content-type']).toMatch(/^application\/json/);
  });

  it('lets Swagger UI authorise with userid and accesstoken together, and sends no cookie beside them', async () => {
    const init = (await client.get<string>('/docs/swagger-ui-init.js')).body;
    const source = /"requestInterceptor": (\(request\)\s*=>\s*\{[\s\S]*?return request;\s*\})/.exec(init)?.[1];
    const interceptor = new Function(`return ${source}`)() as (request: object) => { credentials?: string };
    expect(interceptor({ headers: { 'X-User-Id': 'a', Authorization: 'Bearer b' } }).credentials).toBe('omit');
    expect(interceptor({ headers: {} }).credentials).toBeUndefined();
    const { body } = await client.get<{ paths: Record<string, { get?: { security: object[] } }> }>('/openapi.json');
    expect(body.paths['/v1/users/me']!.get!.security).toContainEqual({ userid: [], accesstoken: [] });
    expect(body.paths['/livez']!.get!.security).toEqual([]);
  });

  it('walks the whole way of the contract: app account, sign-up, login, call', async () => {
    const user = await createUser(app.url);
    const as = await login(app.url, user);
    const me = await client.get('/v1/users/me', { as });
    expect([me.status, me.body]).toEqual([
      200,
      { userid: user.userid, username: user.username, roles: ['user'], areas: [], createdAt: expect.any(String) },
    ]);
    expect((await client.get('/v1/users', { as: await adminLogin(app.url) })).status).toBe(200);
    expect((await client.get('/v1/users', { as })).code).toBe('forbidden');
  });

  it('gives every part of it the one configuration', () => {
    expect(app.get(Config)).toBe(app.config);
  });
});

describe('un-ready', () => {
  it('is un-ready while it drains, though it goes on serving', async () => {
    const app = await startTestApp();
    try {
      const client = api(app.url);
      app.get(TruthService).drain();
      const ready = await client.get('/readyz');
      expect([ready.status, ready.code]).toEqual([503, 'unavailable']);
      expect((await client.get('/livez')).status).toBe(200);
      expect((await login(app.url, await createUser(app.url))).accesstoken).toMatch(/^act_/);
    } finally {
      await app.close();
    }
  });

  it('has neither docs nor description where they are off', async () => {
    const app = await startTestApp();
    try {
      const client = api(app.url);
      for (const path of ['/docs', '/docs/', '/docs/swagger-ui.css', '/openapi.json', '/docs-json', '/docs-yaml']) {
        expect([path, (await client.get(path)).code]).toEqual([path, 'not_found']);
      }
    } finally {
      await app.close();
    }
  });
});
