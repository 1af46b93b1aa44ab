import { readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Notes1800000000000 } from '../../docs/examples/notes/1800000000000-notes.js';
import { NotesModule } from '../../docs/examples/notes/notes.module.js';
import { AppModule } from '../../src/app.module.js';
import { TruthService } from '../../src/authority/truth.service.js';
import { createLogger } from '../../src/bootstrap/logger.js';
import { configureApp, createAdapter } from '../../src/configure-app.js';
import { describeApi } from '../../src/openapi.js';
import { describeAccess, requireDeclaredAccess, routeAccess } from '../../src/service/route-access.js';
import { startTestApp, type TestApp } from '../support/app.js';
import {
  adminLogin,
  api,
  appLogin,
  createUser,
  expectStatus,
  login,
  type Reply,
  type TokenLogin,
} from '../support/client.js';

interface Note {
  readonly id: string;
  readonly userid: string;
  readonly text: string;
  readonly createdAt: string;
}

interface NotePage {
  readonly items: readonly Note[];
  readonly nextCursor: string | null;
}

/** The service with the example beside its own modules, made as main makes it, on the database of `service`. */
async function startWithNotes({ config }: TestApp): Promise<NestFastifyApplication> {
  const root = {
    module: class AppWithNotes {},
    imports: [AppModule.forRoot(config, createLogger(config)), NotesModule],
  };
  const app = await NestFactory.create<NestFastifyApplication>(root, createAdapter(config), {
    logger: false,
    abortOnError: false,
  });
  requireDeclaredAccess(app.get(ModulesContainer));
  configureApp(app, config);
  await app.init();
  const truth = app.get(TruthService);
  truth.start();
  while (!truth.ready) await truth.kick();
  await app.listen(0, '127.0.0.1');
  return app;
}

/** `403 forbidden`, or the status alone. */
function brief({ status, code }: Reply<unknown>): string {
  return code === null ? `${status}` : `${status} ${code}`;
}

describe('the example of a module of your own', () => {
  let service: TestApp;
  let app: NestFastifyApplication;
  let url: string;

  beforeAll(async () => {
    service = await startTestApp();
    const runner = service.db.createQueryRunner();
    await new Notes1800000000000().up(runner);
    await runner.release();
    app = await startWithNotes(service);
    url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  }, 60_000);

  afterAll(async () => {
    await app.close();
    await service.close();
  });

  async function newUser(): Promise<TokenLogin> {
    return login(url, await createUser(url));
  }

  async function write(as: TokenLogin, text: string): Promise<Note> {
    return expectStatus(await api(url).post<Note>('/v1/notes', { text }, { as }), 201);
  }

  async function page(path: string, as: TokenLogin): Promise<NotePage> {
    return expectStatus(await api(url).get<NotePage>(path, { as }), 200);
  }

  async function texts(path: string, as: TokenLogin): Promise<string[]> {
    return (await page(path, as)).items.map(({ text }) => text);
  }

  it('keeps a note and shows it to its owner, and to no other user', async () => {
    const ada = await newUser();
    const bob = await newUser();
    const note = await write(ada, 'Buy milk\nand bread');
    expect(note).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      userid: ada.userid,
      text: 'Buy milk\nand bread',
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
    });
    expect(await page('/v1/notes', ada)).toEqual({ items: [note], nextCursor: null });
    expect(await page('/v1/notes', bob)).toEqual({ items: [], nextCursor: null });
  });

  it('lists newest first, page by page', async () => {
    const user = await newUser();
    for (const text of ['one', 'two', 'three']) await write(user, text);
    const first = await page('/v1/notes?limit=2', user);
    expect(first.items.map(({ text }) => text)).toEqual(['three', 'two']);
    const second = await page(`/v1/notes?limit=2&cursor=${first.nextCursor}`, user);
    expect(second.items.map(({ text }) => text)).toEqual(['one']);
    expect(second.nextCursor).toBeNull();
    const another = Buffer.from('none,such').toString('base64url');
    expect(brief(await api(url).get(`/v1/notes?cursor=${another}`, { as: user }))).toBe('422 invalid_request');
  });

  it("lists everybody's to an admin alone, one user's where asked", async () => {
    const dave = await newUser();
    const eve = await newUser();
    const admin = await adminLogin(url);
    await write(dave, 'from dave');
    await write(eve, 'from eve');
    await write(admin, 'from the admin');
    expect(await texts('/v1/all-notes?limit=3', admin)).toEqual(['from the admin', 'from eve', 'from dave']);
    expect(await texts(`/v1/all-notes?userid=${dave.userid}`, admin)).toEqual(['from dave']);
    expect(await texts('/v1/notes', admin)).toEqual(['from the admin']);
    expect(brief(await api(url).get('/v1/all-notes', { as: dave }))).toBe('403 forbidden');
  });

  it('is closed to nobody and to app accounts', async () => {
    const app = await appLogin(url);
    for (const options of [{}, { as: app }]) {
      const expected = 'as' in options ? '403 forbidden' : '401 unauthenticated';
      expect(brief(await api(url).get('/v1/notes', options))).toBe(expected);
      expect(brief(await api(url).post('/v1/notes', { text: 'x' }, options))).toBe(expected);
      expect(brief(await api(url).get('/v1/all-notes', options))).toBe(expected);
    }
  });

  it('takes nothing but what it declares', async () => {
    const user = await newUser();
    const refused = async (body: unknown) => {
      const reply = await api(url).post('/v1/notes', body, { as: user });
      return [brief(reply), ...(reply.problem.errors ?? []).map(({ field }) => field)];
    };
    expect(await refused({})).toEqual(['422 invalid_request', 'text']);
    expect(await refused({ text: '' })).toEqual(['422 invalid_request', 'text']);
    expect(await refused({ text: 'x'.repeat(1001) })).toEqual(['422 invalid_request', 'text']);
    expect(await refused({ text: 'a\0b' })).toEqual(['422 invalid_request', 'text']);
    expect(await refused({ text: '\ud800' })).toEqual(['422 invalid_request', 'text']);
    expect(await refused({ text: 'x', userid: 'y' })).toEqual(['422 invalid_request', 'userid']);
    expect(brief(await api(url).get('/v1/notes?userid=y', { as: user }))).toBe('422 invalid_request');
    expect(await texts('/v1/notes', user)).toEqual([]);
  });

  it("deletes one's own note, and does not tell another's from one that is not there", async () => {
    const grace = await newUser();
    const heidi = await newUser();
    const { id } = await write(grace, 'mine');
    expect(brief(await api(url).delete(`/v1/notes/${id}`, { as: heidi }))).toBe('404 not_found');
    expect(brief(await api(url).delete('/v1/notes/not-an-id', { as: heidi }))).toBe('404 not_found');
    expect(await texts('/v1/notes', grace)).toEqual(['mine']);
    expect(brief(await api(url).delete(`/v1/notes/${id}`, { as: grace }))).toBe('204');
    expect(brief(await api(url).delete(`/v1/notes/${id}`, { as: grace }))).toBe('404 not_found');
    expect(await texts('/v1/notes', grace)).toEqual([]);
  });

  it('refuses a disabled user at once, and lists no notes of a deleted one', async () => {
    const ivan = await newUser();
    const admin = await adminLogin(url);
    await write(ivan, 'from ivan');
    expectStatus(await api(url).patch(`/v1/users/${ivan.userid}`, { status: 'disabled' }, { as: admin }), 200);
    expect(brief(await api(url).get('/v1/notes', { as: ivan }))).toBe('401 unauthenticated');
    expect(await texts(`/v1/all-notes?userid=${ivan.userid}`, admin)).toEqual(['from ivan']);
    expectStatus(await api(url).delete(`/v1/users/${ivan.userid}`, { as: admin }), 204);
    expect(await texts(`/v1/all-notes?userid=${ivan.userid}`, admin)).toEqual([]);
  });

  it('declares the access of every route, and tells it in the description of the API', () => {
    const routes = routeAccess(app.get(ModulesContainer)).filter(({ path }) => path.includes('notes'));
    expect(routes.map((route) => `${route.method} ${route.path}: ${describeAccess(route)}`)).toEqual([
      'GET /v1/all-notes: role admin',
      'GET /v1/notes: user',
      'POST /v1/notes: user',
      'DELETE /v1/notes/:id: user',
    ]);
    const { paths, components } = describeApi(app);
    expect(paths['/v1/all-notes']?.get?.description).toContain('accounts with role admin');
    const schemas = Object.keys(components?.schemas ?? {});
    expect(schemas).toEqual(expect.arrayContaining(['CreateNoteRequest', 'Note', 'NotePage']));
  });

  it('is no part of the service as it is', async () => {
    expect(brief(await api(service.url).get('/v1/notes', { as: await newUser() }))).toBe('404 not_found');
  });

  it('is what docs/your-own-module.md shows, letter by letter', () => {
    const docs = join(import.meta.dirname, '../../docs');
    const folder = join(docs, 'examples/notes');
    const sources = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
    const guide = readFileSync(join(docs, 'your-own-module.md'), 'utf8');
    const pieces = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, piece]) => piece!);
    expect(pieces.length).toBeGreaterThan(3);
    for (const piece of pieces) expect(sources.filter((source) => source.includes(piece))).toHaveLength(1);
  });

  it('takes its table away again', async () => {
    const runner = service.db.createQueryRunner();
    const tables = async (): Promise<unknown[]> => runner.query(`SELECT 1 WHERE to_regclass('notes') IS NOT NULL`);
    expect(await tables()).toHaveLength(1);
    await new Notes1800000000000().down(runner);
    expect(await tables()).toHaveLength(0);
    await runner.release();
  });
});
