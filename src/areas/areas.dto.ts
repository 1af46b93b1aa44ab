import { z } from 'zod';
import { areaName, description } from '../common/fields.js';
import { pageOf, pageQuery, type Page } from '../common/paging.js';
import { foldUsername } from '../common/username.js';

export const ListAreasQuery = pageQuery((name) => areaName.safeParse(name).success);
export const ListAreaUsernamesQuery = pageQuery((name) => foldUsername(name) === name);

export const CreateAreaRequest = z.strictObject({ name: areaName, description }).meta({ id: 'CreateAreaRequest' });
export type CreateAreaRequest = z.output<typeof CreateAreaRequest>;

const roles = z
  .array(z.string())
  .meta({ description: 'Who holds one of these may enter; a to z', example: ['editor'] });
const name = z.string().meta({ example: 'reports' });
const purpose = z.string().meta({ example: 'The monthly reports' });

export const AreaResponse = z.object({ name, description: purpose, roles }).meta({ id: 'Area' });

export const AreaPage = pageOf(AreaResponse).meta({ id: 'AreaPage' });

export const AreaUsernameResponse = z
  .object({
    userid: z.string().meta({ format: 'uuid', example: '0b4d1f5e-6c3a-4f0e-9a3b-2f6f3f0c7a51' }),
    username: z.string().meta({ example: 'alice' }),
    createdAt: z.iso.datetime().meta({ description: 'Since when on the list', example: '2026-11-24T20:15:17.000Z' }),
  })
  .meta({ id: 'AreaUsername' });

export const AreaUsernamePage = pageOf(AreaUsernameResponse).meta({ id: 'AreaUsernamePage' });

export const EnterableAreaResponse = z
  .object({
    name,
    description: purpose,
    byUsername: z.boolean().meta({ description: 'The username is on the area’s list' }),
    byRoles: z
      .array(z.string())
      .meta({ description: 'The roles of the user that the area lists', example: ['editor'] }),
  })
  .meta({ id: 'EnterableArea' });

export const EnterableAreaPage = pageOf(EnterableAreaResponse).meta({ id: 'EnterableAreaPage' });

export interface AreaRow {
  name: string;
  description: string;
  roles: string[];
}

export interface AreaUsernameRow {
  userid: string;
  username: string;
  created_at: Date;
}

export interface EnterableAreaRow {
  name: string;
  description: string;
  by_username: boolean;
  by_roles: string[];
}

export function toAreaResponse(row: AreaRow): z.output<typeof AreaResponse> {
  return { name: row.name, description: row.description, roles: row.roles };
}

export function toAreaPage({ items, nextCursor }: Page<AreaRow>): z.output<typeof AreaPage> {
  return { items: items.map(toAreaResponse), nextCursor };
}

export function toAreaUsernamePage({ items, nextCursor }: Page<AreaUsernameRow>): z.output<typeof AreaUsernamePage> {
  const entries = items.map((row) => ({
    userid: row.userid,
    username: row.username,
    createdAt: row.created_at.toISOString(),
  }));
  return { items: entries, nextCursor };
}

export function toEnterableAreaPage({ items, nextCursor }: Page<EnterableAreaRow>): z.output<typeof EnterableAreaPage> {
  const areas = items.map((row) => ({
    name: row.name,
    description: row.description,
    byUsername: row.by_username,
    byRoles: row.by_roles,
  }));
  return { items: areas, nextCursor };
}
