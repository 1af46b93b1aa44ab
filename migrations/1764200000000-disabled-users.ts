import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The list of disabled users: where hardly anybody is, the index of all users would be walked to its end. */
export class DisabledUsers1764200000000 implements MigrationInterface {
  name = 'DisabledUsers1764200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX users_disabled ON users (created_at DESC, userid DESC) WHERE status = 'disabled'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX users_disabled');
  }
}
