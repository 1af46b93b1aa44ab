import type { EntityManager } from 'typeorm';

/** Where a query can be asked: a transaction, or the pool. */
export type Queryable = Pick<EntityManager, 'query'>;
