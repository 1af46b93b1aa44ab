import { z } from 'zod';
import { time } from '../common/fields.js';
import { isMicros, pageOf, pageQuery, type Page } from '../common/paging.js';
import { isUserid } from '../common/secret-token.js';
import { AUDIT_ACTIONS } from './audit-action.js';
import type { AuditRow } from './audit-event.js';

/** Gives Unix ms. */
const instant = time.transform((value) => Date.parse(value));

const userid = z
  .string()
  .refine(isUserid, { error: 'must be a userid' })
  .meta({ format: 'uuid', example: '0b4d1f5e-6c3a-4f0e-9a3b-2f6f3f0c7a51' });

const action = z.enum(AUDIT_ACTIONS);

/** An id, which fits a bigint. */
const isId = (text: string) => /^\d{1,18}$/.test(text);

export const AuditQuery = pageQuery(isMicros, isId).extend({
  userid: userid.optional().meta({ description: 'Only what this user did, or what was done to them' }),
  action: action.optional().meta({ description: 'Only this action' }),
  since: instant.optional().meta({ description: 'From this time on', example: '2026-11-24T00:00:00Z' }),
  until: instant.optional().meta({ description: 'Before this time', example: '2026-11-25T00:00:00Z' }),
});
export type AuditQuery = z.output<typeof AuditQuery>;

export const AuditEntryResponse = z
  .object({
    id: z.string().meta({ example: '1042' }),
    at: z.iso.datetime().meta({ example: '2026-11-24T20:15:17.000Z' }),
    action,
    actor: userid
      .nullable()
      .meta({ description: 'Who did it; null for the host, and for who did not prove who they are' }),
    target: userid.nullable().meta({ description: 'Whose account it touched' }),
    ip: z.string().nullable().meta({ example: '192.0.2.7' }),
    requestId: z
      .string()
      .nullable()
      .meta({ description: 'X-Request-Id of the request', example: '7d0f2b66-1f53-4c5e-9f0a-3b8f0e6c2d41' }),
    detail: z
      .record(z.string(), z.unknown())
      .meta({ description: 'What else there is to know', example: { role: 'editor' } }),
  })
  .meta({ id: 'AuditEntry' });

export const AuditPage = pageOf(AuditEntryResponse).meta({ id: 'AuditPage' });

export function toAuditPage({ items, nextCursor }: Page<AuditRow>): z.output<typeof AuditPage> {
  return { items: items.map(toAuditEntryResponse), nextCursor };
}

function toAuditEntryResponse(row: AuditRow): z.output<typeof AuditEntryResponse> {
  const { id, at, action, actor, target, ip, request_id: requestId, detail } = row;
  return { id, at: at.toISOString(), action, actor, target, ip, requestId, detail };
}
