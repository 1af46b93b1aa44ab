import { rmSync } from 'node:fs';
import { makeFolder } from '../../setup/folders.js';
import { execute } from '../../setup/postgres-client.js';
import { createTestDatabase } from '../../setup/test-database.js';
import { TEST_ENV } from '../../support/app.js';
import { eventually } from '../../support/barrier.js';
import { freePort } from '../../support/ports.js';
import { processEnv, startService, type ServiceProcess } from '../../support/service-process.js';

/** The service as a person meets it: a process of its own, in development, with pages and /docs. */
export interface Site {
  /** `http://localhost:<port>`: browsers take a Secure cookie from there without TLS. */
  readonly url: string;
  readonly port: number;
  readonly databaseUrl: string;
  readonly process: ServiceProcess;
  /** Its database takes no connections until what this gives is called; resolves when it knows. */
  cutOff(): Promise<() => Promise<void>>;
  /** The password of every session was proved long ago. */
  forgetProofs(): Promise<void>;
  close(): Promise<void>;
}

/** Starts it on an empty database with the first accounts of every test; `env` beside or instead of the usual. */
export async function startSite(env: Readonly<Record<string, string>> = {}): Promise<Site> {
  const database = await createTestDatabase();
  const dataDir = makeFolder('site');
  const port = await freePort();
  const service = await startService(
    processEnv({
      ...firstAccounts(),
      PORT: String(port),
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      SWAGGER_UI: 'true',
      WEB_UI: 'true',
      ...env,
    }),
  );
  const close = async () => {
    await service.end('SIGTERM');
    await database.drop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await service.ready();
  } catch (error) {
    await close();
    throw error;
  }
  const cutOff = async () => {
    const restore = await cutOffDatabase(new URL(database.url).pathname.slice(1));
    await eventually(async () => (await fetch(`${service.url}/readyz`)).status === 503);
    return restore;
  };
  const forgetProofs = () => execute(database.url, `UPDATE sessions SET auth_time = auth_time - interval '1 day'`);
  const url = `http://localhost:${port}`;
  return { url, port, databaseUrl: database.url, process: service, cutOff, forgetProofs, close };
}

async function cutOffDatabase(name: string): Promise<() => Promise<void>> {
  const server = process.env['TEST_POSTGRES_SERVER']!;
  const allow = (allowed: boolean) => `ALTER DATABASE ${name} ALLOW_CONNECTIONS ${allowed}`;
  const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`;
  await execute(server, allow(false), end);
  return () => execute(server, allow(true));
}

function firstAccounts(): Record<string, string> {
  return Object.fromEntries(Object.entries(TEST_ENV).filter(([name]) => name.startsWith('BOOTSTRAP_')));
}
