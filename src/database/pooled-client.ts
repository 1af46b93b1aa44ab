import pg from 'pg';
import { nameOfPrepared } from './prepared.js';

/**
 * What makes a connection useless: a query that was not answered within `query_timeout` (node-pg's words), and a
 * prepared statement that the server has not kept (26000) or whose columns a migration has changed (0A000).
 */
const LATE = 'Query read timeout';
const STALE = /^(?:26000|0A000)$/;

/**
 * A connection of the pool that ends with the first query that is not answered in time. node-pg would keep it: what is
 * asked next waits behind the late answer, for many minutes where the network has forgotten the connection, and a
 * ROLLBACK that was never sent leaves whatever is asked next in the transaction of somebody who was told 503.
 *
 * Statements that are marked so (`prepared`) are planned once for each connection, where no pooler stands in between.
 */
export class PooledClient extends pg.Client {
  private direct = false;

  constructor(config?: pg.ClientConfig) {
    super(config);
    const query = this.query.bind(this) as (...args: unknown[]) => unknown;
    this.query = ((...args: unknown[]) => {
      const answer = query(...this.named(args));
      if (answer instanceof Promise) answer.catch((error: Error) => this.endWhereUseless(error));
      return answer;
    }) as pg.Client['query'];
  }

  /**
   * Asks whether it is a process of PostgreSQL itself that this connection leads to, by its number. A pooler shows one of
   * its own, and may ask the next query on another connection, where nothing of ours is prepared.
   */
  async learnWhoAnswers(): Promise<void> {
    const { rows } = await this.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const { processID } = this as unknown as { processID: number | null };
    this.direct = rows[0]?.pid === processID;
  }

  private named([text, ...rest]: unknown[]): unknown[] {
    const name = this.direct && typeof text === 'string' ? nameOfPrepared(text) : undefined;
    return [name === undefined ? text : { name, text }, ...rest];
  }

  /** The pool listens while nobody uses it, else TypeORM, which tells the pool. */
  private endWhereUseless(error: Error & { code?: string }): void {
    if (error.message === LATE || STALE.test(error.code ?? '')) this.emit('error', error);
  }
}
