import { once } from 'node:events';
import { mkdtempSync, rmSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createCluster, POSTGRES_NAME } from '../../src/database/embedded-postgres-cluster.js';
import { findPostgresFiles, type PostgresFiles } from '../../src/database/embedded-postgres-files.js';
import { isRunning, spawnPostgres, stopPostmaster } from '../../src/database/embedded-postgres-process.js';
import { killWithUs } from '../setup/guard.js';
import { freePort } from './ports.js';

const POLL_MS = 5;
/** The back ends of one that was killed hold its shared memory a moment longer, and a start within it fails. */
const START_WITHIN_MS = 60_000;

/**
 * A Postgres that stays away when it is killed, until it is told to come back: the embedded one would start again by
 * itself.
 */
export class MortalPostgres {
  private child: ReturnType<typeof spawnPostgres> | undefined;
  private release: () => void = () => undefined;

  private constructor(
    private readonly dir: string,
    private readonly files: PostgresFiles,
    private readonly port: number,
  ) {}

  static async start(): Promise<MortalPostgres> {
    const dir = mkdtempSync(join(tmpdir(), 'postern-mortal-'));
    const files = findPostgresFiles(dir, () => undefined);
    await createCluster(files, false);
    const postgres = new MortalPostgres(dir, files, await freePort());
    await postgres.restart();
    return postgres;
  }

  /** Of the empty database. */
  get url(): string {
    const password = readFileSync(this.files.password, 'utf8');
    return `postgres://${POSTGRES_NAME}:${password}@127.0.0.1:${this.port}/${POSTGRES_NAME}`;
  }

  /** `kill -9` of the postmaster. Resolves when a back end has seen it, which answers until then, and ended by itself. */
  async kill(): Promise<void> {
    const witness = new pg.Client({ connectionString: this.url });
    witness.on('error', () => undefined);
    await witness.connect();
    const cutOff = new Promise((resolve) => witness.once('end', resolve));
    const exit = once(this.child!, 'exit');
    this.child!.kill('SIGKILL');
    await exit;
    this.release();
    await cutOff;
  }

  /** Starts it, and resolves when it lets in. */
  async restart(): Promise<void> {
    const deadline = performance.now() + START_WITHIN_MS;
    while (!(await this.letsIn())) {
      if (performance.now() > deadline) throw new Error(readFileSync(this.files.log, 'utf8').slice(-500));
      if (isRunning(this.child)) await sleep(POLL_MS);
      else this.child = spawnPostgres(this.files, this.port, false, {});
    }
    this.release = killWithUs(this.child!.pid!, this.home, this.dir);
  }

  async stop(): Promise<void> {
    await stopPostmaster(this.files.data);
    for (const folder of [this.home, this.dir]) rmSync(folder, { recursive: true, force: true });
    this.release();
  }

  /** Where it runs; another folder than the one it was given where root's Postgres cannot reach that. */
  private get home(): string {
    return dirname(this.files.data);
  }

  private async letsIn(): Promise<boolean> {
    if (!isRunning(this.child)) return false;
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 5000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return true;
    } catch {
      return false;
    } finally {
      await client.end();
    }
  }
}
