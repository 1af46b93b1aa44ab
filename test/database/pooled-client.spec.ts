import { DataSource, type DataSourceOptions } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source.js';
import { inTransaction } from '../../src/database/transaction.js';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';

let database: TestDatabase;
let dataSource: DataSource;

beforeAll(async () => {
  database = await createTestDatabase();
  const options = dataSourceOptions(database.url, 1);
  const extra = { ...(options.extra as object), query_timeout: 500 };
  dataSource = await new DataSource({ ...options, extra } as DataSourceOptions).initialize();
  await dataSource.query('CREATE TABLE notes (text text)');
});

afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

const write = (text: string) => `INSERT INTO notes VALUES ('${text}')`;

it('a query that is not answered in time is in nobody’s way, and its transaction is over', async () => {
  const late = inTransaction(dataSource, async (tx) => {
    await tx.query(write('told that nothing has changed'));
    // Until after a ROLLBACK that waits behind it has been given up as well.
    await tx.query('SELECT pg_sleep(1.3)');
  });
  await expect(late).rejects.toThrow();
  await inTransaction(dataSource, (tx) => tx.query(write('the next one')));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(await dataSource.query('SELECT text FROM notes')).toEqual([{ text: 'the next one' }]);
});

it('a query that fails leaves the connection to the next one', async () => {
  const pid = () => dataSource.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
  const before = await pid();
  await expect(dataSource.query('SELECT nothing')).rejects.toThrow('nothing');
  expect(await pid()).toEqual(before);
});
