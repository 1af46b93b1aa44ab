import { z } from 'zod';
import { isMicros, pageOf, pageQuery, type Page } from '../../../src/common/paging.js';
import { isUserid } from '../../../src/common/secret-token.js';

const MAX_TEXT = 1000;

/** Postgres keeps neither a NUL nor half a surrogate pair, so they are refused here: 422 and not 500. */
const noteText = z
  .string()
  .min(1)
  .max(MAX_TEXT)
  .refine((value) => value.isWellFormed() && !value.includes('\0'), { error: 'must be well-formed, without U+0000' })
  .meta({ description: 'What is noted', example: 'Buy milk' });

/** Strict: a key that is not declared is 422. `id` is the name of the schema in openapi.json. */
export const CreateNoteRequest = z.strictObject({ text: noteText }).meta({ id: 'CreateNoteRequest' });
export type CreateNoteRequest = z.output<typeof CreateNoteRequest>;

/** `limit` and `cursor`. `isUserid` fits every UUID v4, this table's ids too. */
export const ListNotesQuery = pageQuery(isMicros, isUserid);
export type ListNotesQuery = z.output<typeof ListNotesQuery>;

/** A page, and whose notes. */
export const AllNotesQuery = ListNotesQuery.extend({
  userid: z.uuid().optional().meta({ description: 'Of this user alone' }),
});
export type AllNotesQuery = z.output<typeof AllNotesQuery>;

export const NoteResponse = z
  .object({
    id: z.uuid().meta({ example: '5d0c6a0e-3c1f-4f43-8d1e-0a4b9e1c7f22' }),
    userid: z.uuid().meta({ example: '0b1f6a52-6f0e-4c6e-9d3a-2f1f0e5a4b4c' }),
    text: z.string().meta({ example: 'Buy milk' }),
    createdAt: z.iso.datetime().meta({ example: '2026-11-24T20:15:17.000Z' }),
  })
  .meta({ id: 'Note' });

export const NotePage = pageOf(NoteResponse).meta({ id: 'NotePage' });

/** `createdUs`: the time of creation in Unix µs, since a `Date` would lose what a cursor needs. */
export interface NoteRow {
  readonly id: string;
  readonly userid: string;
  readonly text: string;
  readonly createdAt: Date;
  readonly createdUs: string;
}

/** A row never leaves as it is: what is not named here stays inside. */
export function toNoteResponse({ id, userid, text, createdAt }: NoteRow): z.output<typeof NoteResponse> {
  return { id, userid, text, createdAt: createdAt.toISOString() };
}

export function toNotePage({ items, nextCursor }: Page<NoteRow>): z.output<typeof NotePage> {
  return { items: items.map(toNoteResponse), nextCursor };
}
