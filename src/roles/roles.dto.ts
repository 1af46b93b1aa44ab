import { z } from 'zod';
import { description, roleName } from '../common/fields.js';
import { pageOf, pageQuery, type Page } from '../common/paging.js';

export const ListRolesQuery = pageQuery((name) => roleName.safeParse(name).success);

export const CreateRoleRequest = z.strictObject({ name: roleName, description }).meta({ id: 'CreateRoleRequest' });
export type CreateRoleRequest = z.output<typeof CreateRoleRequest>;

export const RoleResponse = z
  .object({
    name: z.string().meta({ example: 'editor' }),
    description: z.string().meta({ example: 'May change the pages' }),
    builtIn: z.boolean().meta({ description: 'user, admin and app; they cannot be deleted' }),
  })
  .meta({ id: 'Role' });

export const RolePage = pageOf(RoleResponse).meta({ id: 'RolePage' });

export interface RoleRow {
  name: string;
  description: string;
  built_in: boolean;
}

export function toRoleResponse(row: RoleRow): z.output<typeof RoleResponse> {
  return { name: row.name, description: row.description, builtIn: row.built_in };
}

export function toRolePage({ items, nextCursor }: Page<RoleRow>): z.output<typeof RolePage> {
  return { items: items.map(toRoleResponse), nextCursor };
}
