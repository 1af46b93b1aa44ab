import pg from 'pg';

/** `url` with another database. */
export function databaseUrl(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = database;
  return other.href;
}

/** Runs statements one after the other on one connection, without the role's time limits. */
export async function execute(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'postern tests' });
  await client.connect();
  try {
    for (const statement of ['SET statement_timeout = 0', 'SET lock_timeout = 0', ...statements]) {
      await client.query(statement);
    }
  } finally {
    await client.end();
  }
}
