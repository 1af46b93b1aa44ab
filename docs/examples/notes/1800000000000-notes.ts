import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Belongs into `migrations/`; the number is a time in ms, later than those of the migrations that are there. */
export class Notes1800000000000 implements MigrationInterface {
  name = 'Notes1800000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE notes (
         id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
         userid uuid NOT NULL REFERENCES users,
         text text NOT NULL,
         created_at timestamptz NOT NULL DEFAULT now()
       )`,
    );
    await runner.query('CREATE INDEX notes_newest ON notes (created_at DESC, id DESC)');
    await runner.query('CREATE INDEX notes_by_user ON notes (userid, created_at DESC, id DESC)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE notes');
  }
}
