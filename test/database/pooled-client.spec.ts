import { DataSource, type DataSourceOptions } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source.js';
import { prepared } from '../../src/database/prepared.js';
import { toProblem } from '../../src/common/to-problem.js';
import { inTransaction } from '../../src/database/transaction.js';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';
import { eventually } from '../support/barrier.js';

/** More than a busy machine takes to answer a query; three times as much is less than the role's own limit. */
const QUERY_MS = 1500;

let database: TestDatabase;
let dataSource: DataSource;

beforeAll(async () => {
  database = await createTestDatabase();
  const options = dataSourceOptions(database.url, 1);
  const extra = { ...(options.extra as object), query_timeout: QUERY_MS };
  dataSource = await new DataSource({ ...options, extra } as DataSourceOptions).initialize();
  await dataSource.query('CREATE TABLE notes (text text)');
});

afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

/** How many connections there are beside the one of the pool: one that was given up ends when its query does. */
async function others(): Promise<number> {
  const [row] = await dataSource.query<{ count: number }[]>(`SELECT count(*)::int FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`);
  return row!.count;
}

const write = (text: string) => `INSERT INTO notes VALUES ('${text}')`;

it('a query that is not answered in time is in nobody’s way, and its transaction is over', async () => {
  const late = inTransaction(dataSource, async (tx) => {
    await tx.query(write('told that nothing has changed'));
    // Until after a ROLLBACK that waits behind it has been given up as well.
    await tx.query('SELECT pg_sleep($1)', [(2.6 * QUERY_MS) / 1000]);
  });
  await expect(late).rejects.toThrow();
  await inTransaction(dataSource, (tx) => tx.query(write('the next one')));
  await eventually(async () => (await others()) === 0);
  expect(await dataSource.query('SELECT text FROM notes')).toEqual([{ text: 'the next one' }]);
});

it('a query that fails leaves the connection to the next one', async () => {
  const pid = () => dataSource.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
  const before = await pid();
  await expect(dataSource.query('SELECT nothing')).rejects.toThrow('nothing');
  expect(await pid()).toEqual(before);
});

describe('a statement that is marked', () => {
  const NOTES = prepared('SELECT text FROM notes WHERE text = $1');
  const plans = async () => {
    const sql = `SELECT generic_plans + custom_plans AS plans FROM pg_prepared_statements WHERE statement = $1`;
    return (await dataSource.query<{ plans: string }[]>(sql, [NOTES])).map(({ plans }) => Number(plans));
  };

  it('is prepared once for its connection, others are not', async () => {
    for (let call = 0; call < 3; call += 1) await dataSource.query(NOTES, ['the next one']);
    expect(await plans()).toEqual([3]);
    const [row] = await dataSource.query<{ count: number }[]>('SELECT count(*)::int FROM pg_prepared_statements');
    expect(row!.count).toBe(1);
  });

  it.each([
    ['a migration changes the type of a column', 'ALTER TABLE notes ALTER COLUMN text TYPE varchar(100)'],
    ['somebody has thrown it away', 'DEALLOCATE ALL'],
  ])('%s: not now, and the next one gets a connection that is well', async (_what, sql) => {
    await dataSource.query(NOTES, ['the next one']);
    await dataSource.query(sql);
    const error: unknown = await dataSource.query(NOTES, ['the next one']).catch((error: unknown) => error);
    expect(toProblem(error).code).toBe('unavailable');
    expect(await dataSource.query(NOTES, ['the next one'])).toEqual([{ text: 'the next one' }]);
  });
});
