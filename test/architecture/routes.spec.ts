import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Module } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { AnyUser, Fresh, OwnPagesOnly, Public, Roles } from '../../src/access/decorators.js';
import { createAdapter } from '../../src/configure-app.js';
import { describeAccess, requireDeclaredAccess, routeAccess } from '../../src/service/route-access.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { api, type Api } from '../support/client.js';

/** A change of this file is a change of rights, and is reviewed as one. Deleted, it is written anew. */
const SNAPSHOT = join(import.meta.dirname, 'routes.snapshot.txt');

let app: TestApp;
let client: Api;

beforeAll(async () => {
  app = await startTestApp({ env: { WEB_UI: 'true' } });
  client = api(app.url);
});
afterAll(() => app.close());

function routes() {
  return routeAccess(app.get(ModulesContainer));
}

/** `GET /v1/users/:userid`, as Fastify has them, without those that Fastify adds for HEAD. */
function served(): string[] {
  const tree: string = app.app.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false, includeHooks: false });
  const stack: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent, path, methods] = /^((?:[│ ] {3})*)[├└]── (\S*) \(([A-Z, ]+)\)/.exec(line) ?? [];
    const [, indentOfPart, part] = /^((?:[│ ] {3})*)[├└]── (\S*)$/.exec(line) ?? [];
    const depth = (indent ?? indentOfPart ?? '').length / 4;
    // The print leaves out the slash before a wildcard.
    stack.splice(depth, Infinity, path?.replace(/^\*$/, '/*') ?? part ?? '');
    const whole = stack.join('');
    return (methods ?? '')
      .split(', ')
      .filter((method) => method !== '' && method !== 'HEAD')
      .map((method) => `${method} ${whole}`);
  });
}

describe('who may call which route', () => {
  it('is what the committed list says', () => {
    const lines = routes().map((route) => `${route.method} ${route.path} → ${describeAccess(route)}\n`);
    const text = lines.join('');
    const committed = existsSync(SNAPSHOT) ? readFileSync(SNAPSHOT, 'utf8') : '';
    // To be looked at and committed; without it the test fails.
    if (committed === '') writeFileSync(SNAPSHOT, text);
    expect(text).toBe(committed);
  });

  it('covers every route that Fastify serves', () => {
    const declared = routes().map(({ method, path }) => `${method} ${path}`);
    expect(declared.length).toBeGreaterThan(40);
    expect(served().toSorted()).toEqual(declared.toSorted());
  });

  it('answers 401 to a stranger wherever it is not public, and never itself', async () => {
    const guarded = routes().filter(({ isPublic }) => !isPublic);
    for (const { method, path } of guarded) {
      const concrete = path.replace(':userid', '3f2b8c1e-6d4a-4f0b-9c2d-7e8f9a0b1c2d').replace(/:\w+/g, 'something');
      const reply = await client.call(method, concrete, undefined);
      expect([method, path, reply.code]).toEqual([method, path, 'unauthenticated']);
    }
  });

  it('asks for a password proved lately wherever an admin changes something, but for new users', () => {
    const changing = routes().filter(({ method, roles }) => method !== 'GET' && roles.includes('admin'));
    expect(changing.filter(({ fresh }) => !fresh).map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1/users',
    ]);
  });

  it('lets an app account reach four routes and nothing else', () => {
    const reached = routes().filter(({ appMayCall }) => appMayCall);
    expect(reached.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual([
      'GET /v1/users/me',
      'POST /v1/apitokens',
      'POST /v1/auth/logout',
      'POST /v1/users',
    ]);
  });

  it('keeps Basic to the routes that the contract gives it', () => {
    const basic = routes().filter(({ isPublic, sessionOnly, fresh }) => !isPublic && !sessionOnly && !fresh);
    expect(basic.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1/areas/:name/access',
      'GET /v1/auth/check',
      'GET /v1/users/me',
    ]);
  });
});

describe('a route that does not say who may call it', () => {
  @Controller('silent')
  class SilentController {
    @Get('one')
    one(): void {}

    @Get('two')
    @Fresh()
    two(): void {}

    @Get('both')
    @Public()
    @Roles('admin')
    both(): void {}

    @Get('guarded')
    @AnyUser()
    @OwnPagesOnly()
    guarded(): void {}

    @Get('own')
    @Public()
    @OwnPagesOnly()
    own(): void {}

    @Get('clear')
    @AnyUser()
    clear(): void {}
  }

  @Module({ controllers: [SilentController] })
  class SilentModule {}

  it('fails the start, and so does one that says two things', async () => {
    const silent = await NestFactory.create(SilentModule, createAdapter(app.config), { logger: false });
    const check = () => requireDeclaredAccess(silent.get(ModulesContainer));
    expect(check).toThrow(/GET \/silent\/both .*GET \/silent\/guarded .*GET \/silent\/one .*GET \/silent\/two/);
    expect(check).not.toThrow(/clear|own/);
    await silent.close();
  });
});
