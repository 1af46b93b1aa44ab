import { z } from 'zod';
import {
  areaName,
  credential,
  description,
  deviceName,
  expiresAt,
  newPassword,
  roleName,
  search,
  tokenName,
} from '../../src/common/fields.js';
import { encodeCursor, pageOf, pageQuery, toPage } from '../../src/common/paging.js';
import { checkBody } from '../../src/common/validation.js';

const takes = (schema: z.ZodType, value: unknown) => schema.safeParse(value).success;

describe('texts', () => {
  it.each([
    ['tokenName', tokenName, 1, 64],
    ['description', description, 0, 200],
    ['deviceName', deviceName, 1, 64],
    ['search', search, 1, 32],
  ] as const)('%s counts code points', (_name, schema, min, max) => {
    for (const letter of ['a', 'ß', '漢', '😀']) {
      expect(takes(schema, letter.repeat(max))).toBe(true);
      expect(takes(schema, letter.repeat(max + 1))).toBe(false);
      expect(takes(schema, letter.repeat(min))).toBe(true);
    }
    expect(takes(schema, '')).toBe(min === 0);
    for (const bad of ['\0', 'a\n', '\x7f', '\x9f', '\ud800', 'a\udc00', 1, null, undefined, [], {}, ['a']]) {
      expect(takes(schema, bad)).toBe(false);
    }
  });

  it('names of roles and areas are 2 to 32 of their alphabet', () => {
    for (const schema of [roleName, areaName]) {
      for (const good of ['ab', 'a_', 'editor-2', `a${'b'.repeat(31)}`]) expect(takes(schema, good)).toBe(true);
      for (const bad of ['a', '', 'A1', '1a', 'a b', 'aé', 'ab\n', `a${'b'.repeat(32)}`, '__proto__', 5]) {
        expect(takes(schema, bad)).toBe(false);
      }
    }
  });

  it('a credential is any string of at most 1,024 bytes', () => {
    for (const good of ['', '\0', '\ud800', 'a'.repeat(1024), 'é'.repeat(512), '😀'.repeat(256)])
      expect(takes(credential, good)).toBe(true);
    for (const bad of ['a'.repeat(1025), 'é'.repeat(513), `a${'😀'.repeat(256)}`, 1, null, undefined, ['a'], {}]) {
      expect(takes(credential, bad)).toBe(false);
    }
    expect(takes(newPassword, 1)).toBe(false);
    expect(takes(newPassword, 'x'.repeat(5000))).toBe(true);
  });
});

describe('expiresAt', () => {
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

  it('is a time in the future, at most five years', () => {
    for (const good of [inDays(1), inDays(5 * 365), inDays(1).replace('Z', '+00:00'), inDays(1).replace(/\.\d+/, '')]) {
      expect(expiresAt.parse(good)).toEqual(new Date(good));
    }
    for (const bad of [inDays(-1), inDays(5 * 366 + 1), new Date(0).toISOString(), '9999-12-31T23:59:59Z']) {
      expect(takes(expiresAt, bad)).toBe(false);
    }
  });

  it('is RFC 3339', () => {
    const year = new Date().getUTCFullYear() + 1;
    for (const bad of [
      '-02-30T00:00:00Z',
      '-13-01T00:00:00Z',
      '-01-01',
      '-01-01T00:00Z',
      '-01-01T00:00:00',
      '-01-01T24:00:00Z',
      '-01-01 00:00:00Z',
    ]) {
      expect(takes(expiresAt, `${year}${bad}`)).toBe(false);
    }
    for (const good of ['-06-01T12:00:00.5+02:00', '-06-01t12:00:00z', '-06-01t12:00:00.25-02:00']) {
      expect(expiresAt.parse(`${year}${good}`)).toEqual(new Date(`${year}${good.toUpperCase()}`));
    }
    for (const bad of ['tomorrow', '', 4102444800, null, new Date()]) expect(takes(expiresAt, bad)).toBe(false);
    expect(checkBody(z.strictObject({ expiresAt }), { expiresAt: 'x' })).toEqual({
      errors: [{ field: 'expiresAt', message: 'must be an RFC 3339 time' }],
    });
  });
});

describe('the description of the API', () => {
  it('can be made of every schema, as it is sent', () => {
    const Everything = z.strictObject({
      tokenName,
      description,
      deviceName,
      search,
      roleName,
      areaName,
      credential,
      newPassword,
      expiresAt,
    });
    const input = z.toJSONSchema(Everything, { io: 'input' });
    expect(input.properties!['expiresAt']).toMatchObject({
      type: 'string',
      format: 'date-time',
      example: '2030-01-31T12:00:00Z',
    });
    expect(input.properties!['tokenName']).toMatchObject({ minLength: 1, maxLength: 64, example: 'Backup script' });
    expect(input.additionalProperties).toBe(false);
    const query = z.toJSONSchema(pageQuery().extend({ search: search.optional() }), { io: 'input' });
    expect(query.properties!['limit']).toMatchObject({ type: 'integer', description: 'How many to list' });
    expect(query.required).toBeUndefined();
    expect(z.toJSONSchema(pageOf(z.object({ name: roleName }))).required).toEqual(['items', 'nextCursor']);
  });
});

describe('pages', () => {
  it('have 25 rows unless a limit from 1 to 100 is asked for', () => {
    expect(pageQuery().parse({})).toEqual({ limit: 25 });
    expect(pageQuery().parse({ limit: '1' }).limit).toBe(1);
    expect(pageQuery().parse({ limit: '100' }).limit).toBe(100);
    for (const limit of ['0', '101', '1000', '', ' 1', '1.0', 1, ['1']])
      expect(takes(pageQuery(), { limit })).toBe(false);
  });

  it('end with a cursor while there is more', () => {
    const rows = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
    const key = ({ name }: { name: string }) => [name];
    expect(toPage(rows, 2, key)).toEqual({ items: [{ name: 'a' }, { name: 'b' }], nextCursor: encodeCursor(['b']) });
    expect(toPage(rows, 3, key)).toEqual({ items: rows, nextCursor: null });
    expect(toPage([], 3, key)).toEqual({ items: [], nextCursor: null });
    expect(encodeCursor(['reports'])).toBe(Buffer.from('reports').toString('base64url'));
  });

  it('go on from a cursor that was given, and from no other', () => {
    const parts = ['2026-01-31T12:00:00.123Z', '7b5a1b9a-3c0f-4e51-9d6b-5b0c6a1f2e3d'];
    const any = () => true;
    const cursor = encodeCursor(parts);
    expect(pageQuery(any, any).parse({ cursor }).cursor).toEqual(parts);
    expect(takes(pageQuery(any), { cursor })).toBe(false);
    expect(takes(pageQuery(any, any, any), { cursor })).toBe(false);
    expect(
      takes(
        pageQuery(any, () => false),
        { cursor },
      ),
    ).toBe(false);
    const base64url = (text: string | Buffer) => Buffer.from(text).toString('base64url');
    const junk = [
      '',
      '=',
      'YQ==',
      'YR',
      'a',
      'a b',
      '+/',
      base64url('a\0'),
      base64url(',a'),
      base64url('a,,b'),
      base64url(Buffer.from([0xff])),
      base64url('a'.repeat(400)),
      '%',
    ];
    for (const cursor of junk) {
      expect(takes(pageQuery(any), { cursor })).toBe(false);
    }
  });

  it('have keys that can be told apart again', () => {
    for (const parts of [[], [''], ['a', ''], ['a,b']]) expect(() => encodeCursor(parts)).toThrow();
  });
});
