import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModulesContainer } from '@nestjs/core';
import type { OpenAPIObject } from '@nestjs/swagger';
import { AUDIT_ACTIONS } from '../../src/audit/audit-action.js';
import { describeApi, openApiText } from '../../src/openapi.js';
import { routeAccess } from '../../src/service/route-access.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { adminLogin, api, appLogin, type Login } from '../support/client.js';

let app: TestApp;
let document: OpenAPIObject;

beforeAll(async () => {
  app = await startTestApp();
  document = describeApi(app.app);
});
afterAll(() => app.close());

interface Described {
  readonly route: string;
  readonly operation: NonNullable<OpenAPIObject['paths'][string]['get']>;
}

interface Media {
  readonly schema: { readonly $ref: string };
  readonly examples?: object;
}

/** The body that Swagger UI fills in. */
function exampleOf($ref: string): Record<string, unknown> {
  const { properties } = document.components!.schemas![$ref.split('/').at(-1)!] as {
    properties: Record<string, { example?: unknown; enum?: unknown[] }>;
  };
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, schema.example ?? schema.enum?.[0]]),
  );
}

function operations(): Described[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Described['operation']>).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
}

describe('openapi.json', () => {
  it('is what the routes declare; npm run openapi writes it', () => {
    expect(readFileSync(join(import.meta.dirname, '../../openapi.json'), 'utf8')).toBe(openApiText(document));
  });

  it('says which methods a path has: every other is 405, and Allow has just these', async () => {
    const order = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
    for (const [path, item] of Object.entries(document.paths)) {
      const methods = Object.keys(item as object).map((method) => method.toUpperCase());
      const allowed = order.filter((method) => methods.includes(method === 'HEAD' ? 'GET' : method));
      for (const method of order.filter((other) => !allowed.includes(other))) {
        const { status, headers } = await fetch(app.url + path.replace(/\{\w+\}/g, randomUUID()), { method });
        expect([method, path, status, headers.get('allow')]).toEqual([method, path, 405, allowed.join(', ')]);
      }
    }
  });

  it('has every route and no other', () => {
    const routes = routeAccess(app.get(ModulesContainer)).map(
      ({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`,
    );
    expect(
      operations()
        .map(({ route }) => route)
        .toSorted(),
    ).toEqual(routes.toSorted());
  });

  it('names each operation once, says what it does, what it answers and who may call it', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { route, operation } of operations()) {
      const statuses = Object.keys(operation.responses);
      expect([route, operation.operationId]).toEqual([route, expect.stringMatching(/^[a-z][A-Za-z]{2,}$/)]);
      expect([route, operation.summary]).toEqual([route, expect.stringMatching(/\w{2,}/)]);
      expect([route, operation.description]).toEqual([route, expect.stringMatching(/Who: .+\.$/)]);
      expect([route, operation.tags]).toEqual([route, [expect.any(String)]]);
      expect([route, statuses.some((status) => status.startsWith('2')), statuses.includes('default')]).toEqual([
        route,
        true,
        true,
      ]);
    }
  });

  it('describes the body of every answer that has one', () => {
    for (const { route, operation } of operations()) {
      for (const [status, response] of Object.entries(operation.responses)) {
        const content = Object.entries((response as { content?: Record<string, { schema?: object }> }).content ?? {});
        const [type, media] = content[0] ?? [];
        if (status === '204') expect([route, content]).toEqual([route, []]);
        else
          expect([route, status, type, media?.schema]).toEqual([route, status, bodyType(status), expect.any(Object)]);
      }
    }
  });

  it('has an example of every refusal that it names', () => {
    for (const { route, operation } of operations()) {
      for (const [status, response] of Object.entries(operation.responses)) {
        const { content, description } = response as { content?: Record<string, Media>; description: string };
        const examples = Object.keys(content?.['application/problem+json']?.examples ?? {});
        const named = [...description.matchAll(/`(\w+)`/g)].map(([, code]) => code);
        if (!status.startsWith('2')) expect([route, status, examples]).toEqual([route, status, named]);
      }
    }
    for (const [code, example] of Object.entries(document.components!.examples!)) {
      expect((example as { value: object }).value).toMatchObject({ code, status: expect.any(Number) });
    }
  });

  it('has an example of every request body that the service takes as it is', async () => {
    const [admin, mobile] = [await adminLogin(app.url), await appLogin(app.url)];
    const ownPage = { 'sec-fetch-site': 'same-origin' };
    const tried: string[] = [];
    for (const { route, operation } of operations()) {
      const schema = (operation.requestBody as { content: Record<string, Media> } | undefined)?.content[
        'application/json'
      ]?.schema;
      if (schema === undefined) continue;
      const [method, path] = route.replace(/{\w+}/g, admin.userid).split(' ') as [string, string];
      const isPublic = operation.security!.length === 0;
      const send = (as?: Login) => api(app.url).call(method, path, exampleOf(schema.$ref), { as, headers: ownPage });
      const first = await send(isPublic ? undefined : admin);
      const { status, code, body } = first.code === 'forbidden' ? await send(mobile) : first;
      // Whom it names or what it proves may be wrong; what it looks like may not.
      if ([400, 415, 422, 500].includes(status) || code === 'forbidden')
        throw new Error(`${route}: ${status} ${JSON.stringify(body)}`);
      tried.push(route);
    }
    expect(tried.length).toBeGreaterThan(10);
  });

  it('refers to nothing that is not there, and describes nothing that nobody refers to', () => {
    const text = openApiText(document);
    const referred = new Set(
      [...text.matchAll(/"#\/components\/(\w+)\/([\w-]+)"/g)].map(([, kind, name]) => `${kind}/${name}`),
    );
    const { schemas, headers, examples } = document.components!;
    const there = [
      ...Object.keys(schemas!).map((name) => `schemas/${name}`),
      ...Object.keys(headers!).map((name) => `headers/${name}`),
      ...Object.keys(examples!).map((name) => `examples/${name}`),
    ];
    expect([...referred].toSorted()).toEqual(there.toSorted());
  });

  it('asks for both halves of token mode on every route that is not public', () => {
    for (const { route, operation } of operations()) {
      const [first, ...others] = operation.security!;
      if (first === undefined) continue;
      expect([route, first]).toEqual([route, { userid: [], accesstoken: [] }]);
      expect([route, others]).toEqual([route, expect.arrayContaining([{ cookie: [] }])]);
    }
    const open = operations().filter(({ operation }) => operation.security!.length === 0);
    expect(open.length).toBeGreaterThan(3);
  });

  it('lists the actions of the audit', () => {
    expect(openApiText(document)).toContain(
      JSON.stringify([...AUDIT_ACTIONS], null, 2)
        .split('\n')[1]!
        .trim(),
    );
    const action = document.paths['/v1/audit']!.get!.parameters!.find(
      (parameter) => 'name' in parameter && parameter.name === 'action',
    );
    expect((action as { schema: { enum: string[] } }).schema.enum).toEqual([...AUDIT_ACTIONS]);
  });
});

function bodyType(status: string): string {
  return status.startsWith('2') ? 'application/json' : 'application/problem+json';
}
