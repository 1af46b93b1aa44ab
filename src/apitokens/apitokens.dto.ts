import { z } from 'zod';
import { expiresAt, tokenName } from '../common/fields.js';
import { isMicros, pageOf, pageQuery, type Page } from '../common/paging.js';
import { isTokenId } from '../common/secret-token.js';
import type { Apitoken, IssuedApitoken } from './apitokens.service.js';

const id = z
  .string()
  .meta({ description: 'What DELETE takes; not secret', example: '6f1c0f0e5a4b4c3d8e2f1a0b9c8d7e6f' });
const time = z.iso.datetime().meta({ example: '2026-11-24T20:15:17.000Z' });
const end = time.nullable().meta({ description: 'From then on it opens nothing; null: it does not expire' });

export const ListApitokensQuery = pageQuery(isMicros, isTokenId);

export const CreateApitokenRequest = z
  .strictObject({ name: tokenName, expiresAt: expiresAt.optional() })
  .meta({ id: 'CreateApitokenRequest' });
export type CreateApitokenRequest = z.output<typeof CreateApitokenRequest>;

/** An apitoken as its owner and admins see it: never the secret. */
export const ApitokenResponse = z
  .object({
    id,
    name: z.string().meta({ example: 'Backup script' }),
    createdAt: time,
    expiresAt: end,
    lastUsedAt: time.nullable().meta({ description: 'Last login with it; null: never' }),
  })
  .meta({ id: 'Apitoken' });

export const ApitokenPage = pageOf(ApitokenResponse).meta({ id: 'ApitokenPage' });

/** The one time the secret is told. */
export const CreatedApitokenResponse = z
  .object({
    id,
    name: z.string().meta({ example: 'Backup script' }),
    apitoken: z.string().meta({ description: 'Shown once', example: 'apt_6f1c…_Q2x…' }),
    createdAt: time,
    expiresAt: end,
  })
  .meta({ id: 'CreatedApitoken' });

export function toApitokenPage({ items, nextCursor }: Page<Apitoken>): z.output<typeof ApitokenPage> {
  return { items: items.map(toApitokenResponse), nextCursor };
}

export function toCreatedApitokenResponse(made: IssuedApitoken): z.output<typeof CreatedApitokenResponse> {
  return {
    id: made.id,
    name: made.name,
    apitoken: made.apitoken,
    createdAt: made.createdAt.toISOString(),
    expiresAt: made.expiresAt?.toISOString() ?? null,
  };
}

function toApitokenResponse(apitoken: Apitoken): z.output<typeof ApitokenResponse> {
  return {
    id: apitoken.id,
    name: apitoken.name,
    createdAt: apitoken.createdAt.toISOString(),
    expiresAt: apitoken.expiresAt?.toISOString() ?? null,
    lastUsedAt: apitoken.lastUsedAt?.toISOString() ?? null,
  };
}
