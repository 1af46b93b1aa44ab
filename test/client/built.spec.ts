import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as client from 'postern-client';
import * as node from 'postern-client/node';
import { createTestDatabase, type TestDatabase } from '../setup/test-database.js';
import { processEnv, startService, type ServiceProcess } from '../support/service-process.js';

const ROOT = join(import.meta.dirname, '../..');

/** Runs a program in a process of its own, where `postern-client` is what `npm run build` made of it. */
async function run(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
  return stdout;
}

describe('the built package', () => {
  it.each([
    ['postern-client', client],
    ['postern-client/node', node],
  ])('%s is there for Node, with all that its sources give', async (name, sources) => {
    const printed = await run(['-p', `import('${name}').then((all) => console.log(JSON.stringify(Object.keys(all))))`]);
    expect(JSON.parse(/\[".*\]/.exec(printed)![0]).toSorted()).toEqual(Object.keys(sources).toSorted());
  });
});

describe('the example of a mobile app', () => {
  let database: TestDatabase;
  let dataDir: string;
  let service: ServiceProcess;

  beforeAll(async () => {
    database = await createTestDatabase();
    dataDir = mkdtempSync(join(tmpdir(), 'postern-mobile-'));
    service = await startService(processEnv({ DATABASE_URL: database.url, DATA_DIR: dataDir }));
    await service.ready();
  });
  afterAll(async () => {
    await service.end('SIGTERM');
    await database.drop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('signs up with the credential that the service made, logs in, looks around and logs out', async () => {
    const printed = await run(['docs/examples/mobile-app.mjs'], { POSTERN_URL: service.url, DATA_DIR: dataDir });
    const name = /^signed up: (ada-\w+) is [0-9a-f-]{36}$/m.exec(printed)![1];
    expect(printed.split('\n')).toEqual([
      expect.stringMatching(/^signed up/),
      expect.stringMatching(/^logged in again/),
      `me: ${name}, roles user`,
      expect.stringMatching(/^session: Ada’s phone \(this one\), until \d{4}-/),
      'logged out: unauthenticated',
      '',
    ]);
  });
});
