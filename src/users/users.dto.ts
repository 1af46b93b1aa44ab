import { z } from 'zod';
import { newPassword, roleName, search } from '../common/fields.js';
import { isMicros, pageOf, pageQuery, type Page } from '../common/paging.js';
import { isUserid } from '../common/secret-token.js';
import { foldUsername, USERNAME_ERROR } from '../common/username.js';
import type { Me, UserWithAreas } from './users.service.js';
import type { SignedUp, SignupCounts } from './signup.service.js';

const userid = z.uuid().meta({ example: '0b1f6a52-6f0e-4c6e-9d3a-2f1f0e5a4b4c' });
const username = z.string().meta({ example: 'alice' });
const roles = z.array(z.string()).meta({ description: 'Sorted; user is always among them', example: ['user'] });
const areas = z.array(z.string()).meta({ description: 'The private areas that may be entered, a to z', example: [] });
const time = z.iso.datetime().meta({ example: '2026-11-24T20:15:17.000Z' });
const count = z.int().min(0).meta({ example: 7 });
const status = z.enum(['active', 'disabled']);

export const CreateUserRequest = z
  .strictObject({
    username: z
      .string()
      .refine((value) => foldUsername(value) !== null, { error: USERNAME_ERROR })
      .meta({ description: '3 to 32 of a-z 0-9 . _ -, first a letter; folded to lower case', example: 'alice' }),
    password: newPassword,
  })
  .meta({ id: 'CreateUserRequest' });
export type CreateUserRequest = z.output<typeof CreateUserRequest>;

/** A new user with the first apitoken, which is told this one time. */
export const CreatedUserResponse = z
  .object({
    userid,
    username,
    apitoken: z.string().meta({ description: 'Shown once', example: 'apt_6f1c…_Q2x…' }),
  })
  .meta({ id: 'CreatedUser' });

export const MeResponse = z.object({ userid, username, roles, areas, createdAt: time }).meta({ id: 'Me' });

export const ListUsersQuery = pageQuery(isMicros, isUserid).extend({
  search: search.optional(),
  role: roleName.optional().meta({ description: 'Who holds this role', example: 'editor' }),
  status: status.optional().meta({ description: 'Only the active, or only the disabled' }),
});
export type ListUsersQuery = z.output<typeof ListUsersQuery>;

export const SetStatusRequest = z.strictObject({ status }).meta({ id: 'SetStatusRequest' });
export type SetStatusRequest = z.output<typeof SetStatusRequest>;

/** A user as admins see it. */
export const UserResponse = z
  .object({
    userid,
    username,
    status,
    roles,
    areas,
    createdAt: time,
    lastLoginAt: time.nullable(),
    passwordLocked: z.boolean().meta({
      description: '100 wrong passwords in a row: off on the web until a reset or a right login with an apitoken',
    }),
  })
  .meta({ id: 'User' });

export const UserPage = pageOf(UserResponse).meta({ id: 'UserPage' });

export const ResetCodeResponse = z
  .object({
    code: z.string().meta({ description: 'Shown once, used once', example: 'rst_6f1c…_Q2x…' }),
    expiresAt: time,
  })
  .meta({ id: 'ResetCode' });

export const SignupCountsResponse = z
  .object({
    lastMinute: count,
    today: count.meta({ description: 'Since midnight, UTC' }),
    last30Days: count.meta({ description: 'Or as long as the audit is kept, where that is less' }),
    perMinuteLimit: count.meta({ description: 'SIGNUP_APP_PER_MINUTE', example: 600 }),
  })
  .meta({ id: 'SignupCounts' });

export function toCreatedUserResponse({ userid, username, apitoken }: SignedUp): z.output<typeof CreatedUserResponse> {
  return { userid, username, apitoken };
}

export function toMeResponse(me: Me): z.output<typeof MeResponse> {
  const { userid, username, roles, areas, createdAt } = me;
  return { userid, username, roles: [...roles], areas: [...areas], createdAt: createdAt.toISOString() };
}

export function toUserResponse(user: UserWithAreas): z.output<typeof UserResponse> {
  return {
    userid: user.userid,
    username: user.username,
    status: user.status,
    roles: [...user.roles],
    areas: [...user.areas],
    createdAt: user.createdAt.toISOString(),
    lastLoginAt: user.lastLoginAt?.toISOString() ?? null,
    passwordLocked: user.passwordLocked,
  };
}

export function toUserPage({ items, nextCursor }: Page<UserWithAreas>): z.output<typeof UserPage> {
  return { items: items.map(toUserResponse), nextCursor };
}

export function toResetCodeResponse(issued: { code: string; expiresAt: Date }): z.output<typeof ResetCodeResponse> {
  return { code: issued.code, expiresAt: issued.expiresAt.toISOString() };
}

export function toSignupCountsResponse(counts: SignupCounts): z.output<typeof SignupCountsResponse> {
  const { lastMinute, today, last30Days, perMinuteLimit } = counts;
  return { lastMinute, today, last30Days, perMinuteLimit };
}
