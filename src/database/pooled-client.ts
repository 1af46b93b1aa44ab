import pg from 'pg';

/** What node-pg says of a query that was not answered within `query_timeout`. */
const LATE = 'Query read timeout';

/**
 * A connection of the pool that ends with the first query that is not answered in time. node-pg would keep it: what is
 * asked next waits behind the late answer, for many minutes where the network has forgotten the connection, and a
 * ROLLBACK that was never sent leaves whatever is asked next in the transaction of somebody who was told 503.
 */
export class PooledClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    const query = this.query.bind(this) as (...args: unknown[]) => unknown;
    this.query = ((...args: unknown[]) => {
      const answer = query(...args);
      if (answer instanceof Promise) answer.catch((error: Error) => this.endWhereLate(error));
      return answer;
    }) as pg.Client['query'];
  }

  /** The pool listens while nobody uses it, else TypeORM, which tells the pool. */
  private endWhereLate(error: Error): void {
    if (error.message === LATE) this.emit('error', error);
  }
}
