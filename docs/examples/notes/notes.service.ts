import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { toPage, type Page } from '../../../src/common/paging.js';
import { Problem } from '../../../src/common/problem.js';
import type { AllNotesQuery, CreateNoteRequest, ListNotesQuery, NoteRow } from './notes.dto.js';

const COLUMNS = `n.id, n.userid, n.text, n.created_at AS "createdAt",
  (extract(epoch FROM n.created_at) * 1000000)::bigint AS "createdUs"`;

/**
 * $1 how many, $2 and $3 the cursor, $4 whose; null: not asked for. A deleted account keeps its row in `users`, and
 * from then on is in no list.
 */
const LIST = `SELECT ${COLUMNS} FROM notes n JOIN users u ON u.userid = n.userid
  WHERE u.status <> 'deleted' AND ($4::uuid IS NULL OR n.userid = $4)
    AND ($2::bigint IS NULL OR (n.created_at, n.id) < (timestamptz 'epoch' + $2 * interval '1 microsecond', $3::uuid))
  ORDER BY n.created_at DESC, n.id DESC LIMIT $1`;

/** Everybody's own notes, and all of them for admins. */
@Injectable()
export class NotesService {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async create(userid: string, { text }: CreateNoteRequest): Promise<NoteRow> {
    const [row]: NoteRow[] = await this.dataSource.query(
      `INSERT INTO notes AS n (userid, text) VALUES ($1, $2) RETURNING ${COLUMNS}`,
      [userid, text],
    );
    return row!;
  }

  /** A page of one user's notes, newest first. */
  async list(userid: string, page: ListNotesQuery): Promise<Page<NoteRow>> {
    return this.all({ ...page, userid });
  }

  /** A page of everybody's, newest first; with `userid` of that user alone. */
  async all({ limit, cursor, userid }: AllNotesQuery): Promise<Page<NoteRow>> {
    const [createdUs = null, id = null] = cursor ?? [];
    const rows: NoteRow[] = await this.dataSource.query(LIST, [limit + 1, createdUs, id, userid ?? null]);
    return toPage(rows, limit, (row) => [row.createdUs, row.id]);
  }

  /** 404 where there is no such note, or it is somebody else's: nobody may learn which of the two. */
  async delete(userid: string, id: string): Promise<void> {
    const sql = 'DELETE FROM notes WHERE id = $1 AND userid = $2 RETURNING id';
    const [deleted]: [unknown[], number] = await this.dataSource.query(sql, [id, userid]);
    if (deleted.length === 0) throw new Problem('not_found');
  }
}
