import type { DataSource, EntityManager } from 'typeorm';
import { Problem } from '../common/problem.js';

/**
 * The limits of one transaction, in ms: a request is answered within 5 s, so nothing may wait longer inside it.
 * Set per transaction because PgBouncer refuses them as start-up parameters.
 */
const LIMITS = `SELECT set_config('statement_timeout', '2000', true), set_config('lock_timeout', '1000', true),
  set_config('idle_in_transaction_session_timeout', '5000', true)`;

/**
 * Runs `work` in one transaction and commits it. Whatever `work` throws rolls back and is thrown on; a COMMIT that
 * was not confirmed is 503 `outcome_unknown`, since the change may be in force.
 */
export async function inTransaction<T>(dataSource: DataSource, work: (tx: EntityManager) => Promise<T>): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction();
    await runner.query(LIMITS);
    const result = await work(runner.manager);
    await commit(runner);
    return result;
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    // TypeORM lets go of a runner whose connection broke, and refuses the next query in words of its own.
    if (runner.isReleased && !(error instanceof Problem)) throw new Problem('unavailable', { cause: error });
    throw error;
  } finally {
    await runner.release();
  }
}

async function commit(runner: { commitTransaction(): Promise<void> }): Promise<void> {
  try {
    await runner.commitTransaction();
  } catch (error) {
    throw new Problem('outcome_unknown', { cause: error });
  }
}
