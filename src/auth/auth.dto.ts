import { z } from 'zod';
import { credential, deviceName, newPassword, tokenName } from '../common/fields.js';

const username = credential.meta({
  description: 'The username; upper case and look-alike forms are folded',
  example: 'alice',
});
const password = credential.meta({ description: 'The password', example: 'seven kites above the harbour' });
const apitoken = credential.meta({ description: 'One of the apitokens of that user', example: 'apt_6f1c…_Q2x…' });
const accesstoken = z
  .string()
  .meta({ description: 'Shown once; every call sends it with the userid', example: 'act_0b7d…_9Zk…' });
const userid = z.uuid().meta({ example: '3f2b8c1e-6d4a-4f0b-9c2d-7e8f9a0b1c2d' });
const time = z.iso.datetime().meta({ example: '2026-11-24T21:15:17.000Z' });

export const LoginRequest = z
  .strictObject({ username, password, apitoken, deviceName: deviceName.optional() })
  .meta({ id: 'LoginRequest' });
export type LoginRequest = z.output<typeof LoginRequest>;

export const LoginResponse = z
  .object({
    userid,
    accesstoken,
    expiresAt: time.meta({ description: 'When the session ends if it is not used any more' }),
    absoluteExpiresAt: time.meta({ description: 'When it ends however much it is used' }),
  })
  .meta({ id: 'LoginResponse' });

export const WebLoginRequest = z
  .strictObject({ username, password, deviceName: deviceName.optional() })
  .meta({ id: 'WebLoginRequest' });
export type WebLoginRequest = z.output<typeof WebLoginRequest>;

/** A session of the web; its secret is in the cookie alone. */
export const WebSessionResponse = z
  .object({
    userid,
    username: z.string().meta({ example: 'ada' }),
    roles: z.array(z.string()).meta({ description: 'Sorted; user is always among them', example: ['user'] }),
    expiresAt: time.meta({ description: 'When the session ends if it is not used any more' }),
    absoluteExpiresAt: time.meta({ description: 'When it ends however much it is used' }),
  })
  .meta({ id: 'WebSession' });

export const ReauthenticateRequest = z.strictObject({ password }).meta({ id: 'ReauthenticateRequest' });
export type ReauthenticateRequest = z.output<typeof ReauthenticateRequest>;

export const PasswordChangeRequest = z
  .strictObject({ currentPassword: password, newPassword })
  .meta({ id: 'PasswordChangeRequest' });
export type PasswordChangeRequest = z.output<typeof PasswordChangeRequest>;

export const PasswordResetRequest = z
  .strictObject({
    username,
    code: credential.meta({ description: 'The one-time code an admin made', example: 'rst_1a2b…_7Yw…' }),
    newPassword,
  })
  .meta({ id: 'PasswordResetRequest' });
export type PasswordResetRequest = z.output<typeof PasswordResetRequest>;

export const ApitokenByPasswordRequest = z
  .strictObject({ username, password, name: tokenName })
  .meta({ id: 'ApitokenByPasswordRequest' });
export type ApitokenByPasswordRequest = z.output<typeof ApitokenByPasswordRequest>;

export const ApitokenByPasswordResponse = z
  .object({
    userid,
    id: z.string().meta({ description: 'Its public id', example: '6f1c0f0e5a4b4c3d8e2f1a0b9c8d7e6f' }),
    apitoken: z.string().meta({ description: 'Shown once', example: 'apt_6f1c…_Q2x…' }),
  })
  .meta({ id: 'ApitokenByPasswordResponse' });

/** Whatever is asked for that is no role or area, nobody has: 403 rather than 422. */
export const CheckQuery = z.strictObject({
  role: z.string().optional().meta({ description: 'A role the caller must hold', example: 'editor' }),
  area: z
    .string()
    .optional()
    .meta({ description: 'A private area the caller must be allowed into', example: 'reports' }),
});
export type CheckQuery = z.output<typeof CheckQuery>;
