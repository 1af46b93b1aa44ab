import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Two lists that would walk over very much to find little: disabled users where hardly anybody is, and what others did
 * to a user of whom nearly every row tells what they did themselves, as of an app account with its million logins.
 */
export class ListIndexes1764200000000 implements MigrationInterface {
  name = 'ListIndexes1764200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX users_disabled ON users (created_at DESC, userid DESC) WHERE status = 'disabled'`);
    await runner.query(
      `CREATE INDEX audit_by_others ON audit (target, at DESC, id DESC)
       WHERE target IS NOT NULL AND actor IS DISTINCT FROM target`,
    );
    await runner.query('DROP INDEX audit_by_target');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX audit_by_target ON audit (target, at DESC, id DESC) WHERE target IS NOT NULL');
    await runner.query('DROP INDEX audit_by_others');
    await runner.query('DROP INDEX users_disabled');
  }
}
