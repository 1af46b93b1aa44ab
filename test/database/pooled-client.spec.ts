import { DataSource, type DataSourceOptions } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source.js';
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
