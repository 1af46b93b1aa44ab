import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModulesContainer } from '@nestjs/core';
import type { OpenAPIObject } from '@nestjs/swagger';
import { AUDIT_ACTIONS } from '../../src/audit/audit-action.js';
import { describeApi, openApiText } from '../../src/openapi.js';
import { routeAccess } from '../../src/service/route-access.js';
import { startTestApp, type TestApp } from '../support/app.js';

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
      expect([route, operation.tags?.length]).toEqual([route, expect.any(Number)]);
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
