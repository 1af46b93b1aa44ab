import { gunzipSync } from 'node:zlib';
import { startTestApp, type TestApp } from '../support/app.js';
import { api, type Api } from '../support/client.js';

let app: TestApp;
let client: Api;

beforeAll(async () => {
  app = await startTestApp({ env: { WEB_UI: 'true' } });
  client = api(app.url);
});
afterAll(() => app.close());

const PAGES = [
  '/',
  '/login',
  '/signup',
  '/account',
  '/account/sessions',
  '/account/no/such/page',
  '/admin',
  '/admin/users',
];

function nonceOf(policy: string | string[] | undefined): string {
  const [, nonce] = /'nonce-([\w-]+)'/.exec(String(policy))!;
  return nonce!;
}

async function pathsIn(page: string): Promise<string[]> {
  const { body } = await client.get<string>(page);
  return [...body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!);
}

describe('the pages', () => {
  it.each(PAGES)('answers %s with the same HTML, never stored', async (path) => {
    const { status, headers, body } = await client.get<string>(path);
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-store',
    ]);
    const home = await client.get<string>('/');
    const blank = (html: string, policy: string | string[] | undefined) => html.replaceAll(nonceOf(policy), '');
    expect(blank(body, headers['content-security-policy'])).toBe(
      blank(home.body, home.headers['content-security-policy']),
    );
  });

  it('allow no script but their own files, and styles by the nonce of the answer', async () => {
    const { headers, body } = await client.get<string>('/login');
    const nonce = nonceOf(headers['content-security-policy']);
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self'; ` +
        `font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
    );
    expect(body).toContain(`<meta property="csp-nonce" nonce="${nonce}">`);
    expect(body).not.toMatch(/<script(?![^>]*\ssrc=)/);
    expect(body).not.toMatch(/<style|\sstyle=|\son\w+=|__NONCE__/);
  });

  it('have another nonce in every answer, of at least 128 bits', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.get('/login')));
    const nonces = answers.map(({ headers }) => nonceOf(headers['content-security-policy']));
    expect(new Set(nonces).size).toBe(50);
    expect(Math.min(...nonces.map(({ length }) => length * 6))).toBeGreaterThanOrEqual(128);
  });

  it('answer HEAD as GET, without the body', async () => {
    const head = await client.call<string | undefined>('HEAD', '/account', undefined);
    const { body } = await client.get<string>('/account');
    expect([head.status, head.body, head.headers['content-type'], head.headers['content-length']]).toEqual([
      200,
      undefined,
      'text/html; charset=utf-8',
      String(Buffer.byteLength(body)),
    ]);
    expect(head.headers['content-security-policy']).toContain("'nonce-");
  });

  it('leave what stands after the ? to the browser', async () => {
    const { status } = await client.get('/admin/users?search=ada&role=admin&cursor=YWRh');
    expect(status).toBe(200);
  });

  it('are not given for credentials in a URL, another method or another path', async () => {
    expect((await client.get('/login?password=open')).code).toBe('credentials_in_url');
    expect((await client.post('/login', {})).problem).toMatchObject({ code: 'method_not_allowed' });
    for (const path of ['/index.html', '/login/', '/Login', '/accounts', '/administrator', '/assets', '/favicon.ico']) {
      expect([path, (await client.get(path)).code]).toEqual([path, 'not_found']);
    }
  });
});

describe('the assets', () => {
  it('named by the page are all there, kept for a year, each with its type', async () => {
    const paths = await pathsIn('/login');
    expect(paths.length).toBeGreaterThan(3);
    for (const path of paths) {
      const { status, headers } = await client.get(path);
      expect([path, status]).toEqual([path, 200]);
      expect(path).toMatch(/^\/assets\/[\w-]+-[\w-]{8}\.(?:js|css|svg)$/);
      expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(headers['content-type']).toMatch(
        /^(?:text\/javascript; charset=utf-8|text\/css; charset=utf-8|image\/svg\+xml)$/,
      );
    }
  });

  it('are sent by gzip to whoever takes it, and to nobody else', async () => {
    const path = (await pathsIn('/')).find((name) => name.endsWith('.js'))!;
    const get = (encoding: string) => fetch(`${app.url}${path}`, { headers: { 'accept-encoding': encoding } });
    const plain = await get('identity');
    const text = await plain.text();
    expect([plain.headers.get('content-encoding'), plain.headers.get('vary')]).toEqual([
      null,
      'Accept-Encoding, Origin',
    ]);
    for (const taken of ['gzip', 'gzip, deflate, br', 'br;q=1.0, GZIP;q=0.5']) {
      const zipped = await get(taken);
      expect([taken, zipped.headers.get('content-encoding')]).toEqual([taken, 'gzip']);
      expect(await zipped.text()).toBe(text);
    }
    for (const refused of ['gzip;q=0', 'br', 'gzip;q=0.000, br', 'xgzip']) {
      expect([refused, (await get(refused)).headers.get('content-encoding')]).toEqual([refused, null]);
    }
    expect(gunzipSync(await rawBody(path)).toString()).toBe(text);
  });

  it.each([
    '/assets/..',
    '/assets/../index.html',
    '/assets/%2e%2e/index.html',
    '/assets/..%2findex.html',
    '/assets/..%2f..%2fmain.js',
    '/assets/..%5c..%5cmain.js',
    '/assets/../../main.js',
    '/assets//etc/passwd',
    '/assets/%2fetc%2fpasswd',
    '/assets/no-such-file.js',
    '/assets/__proto__',
    '/assets/constructor',
    '/assets/',
  ])('are no way to another file: %s', async (path) => {
    const { status, code } = await client.get(path);
    expect([status, code]).toEqual([404, 'not_found']);
  });
});

describe('where WEB_UI=false', () => {
  it('there is no page and no asset', async () => {
    const off = await startTestApp();
    const [asset] = await pathsIn('/');
    try {
      for (const path of [...PAGES, asset!]) {
        expect([path, (await api(off.url).get(path)).code]).toEqual([path, 'not_found']);
      }
    } finally {
      await off.close();
    }
  });
});

/** As it came, still compressed. */
async function rawBody(path: string): Promise<Buffer> {
  const { get } = await import('node:http');
  return new Promise((resolve, reject) => {
    get(`${app.url}${path}`, { headers: { 'accept-encoding': 'gzip' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => resolve(Buffer.concat(chunks)));
    }).once('error', reject);
  });
}
