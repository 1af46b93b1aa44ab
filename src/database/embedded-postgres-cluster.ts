import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { moveIntoPlace, POSTGRES_ENV, type PostgresFiles } from './embedded-postgres-files.js';

/** The database's name, and its owner's. */
export const POSTGRES_NAME = 'postern';

/** Only that role, only with its password. The superuser has none: `postgres --single` is the way to it. */
const ACCESS_RULES = `host all ${POSTGRES_NAME} 127.0.0.1/32 scram-sha-256\n`;

/**
 * Makes the cluster, its role and its database. All of it happens in a folder beside the place it moves to when
 * it is complete, so a crash or another process that does the same leaves no half-made database.
 * @param durable false: not flushed to the disk
 */
export async function createCluster(files: PostgresFiles, durable: boolean): Promise<void> {
  removeAbandoned(files.data);
  const half = `${files.data}.half-${process.pid}`;
  mkdirSync(half, { mode: 0o700 });
  own(half, files);
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  await run(files, 'initdb', ['-D', half, '-U', 'postgres', '--auth=reject', '--no-sync', ...locale]);
  const password = randomBytes(24).toString('base64url');
  writeOwn(join(half, basename(files.password)), password, files);
  writeOwn(join(half, 'pg_hba.conf'), ACCESS_RULES, files);
  const alone = ['--single', '-F', '-D', half, '-c', 'exit_on_error=on', 'postgres'];
  await run(files, 'postgres', alone, firstStatements(password));
  if (durable) await run(files, 'initdb', ['-D', half, '--sync-only']);
  moveIntoPlace(half, files.data);
}

/** One statement a line. CREATEDB is for tests, which clone databases; the role has no other right. */
function firstStatements(password: string): string {
  return [
    `CREATE ROLE ${POSTGRES_NAME} LOGIN CREATEDB PASSWORD '${password}'`,
    // As settings of the role: a pool that sent them at connection time would not get through PgBouncer.
    `ALTER ROLE ${POSTGRES_NAME} SET statement_timeout = '5s'`,
    `ALTER ROLE ${POSTGRES_NAME} SET lock_timeout = '1s'`,
    `ALTER ROLE ${POSTGRES_NAME} SET idle_in_transaction_session_timeout = '5s'`,
    `CREATE DATABASE ${POSTGRES_NAME} OWNER ${POSTGRES_NAME}`,
    '',
  ].join('\n');
}

/** What processes left that were killed here before they had finished. */
function removeAbandoned(data: string): void {
  for (const name of readdirSync(dirname(data))) {
    const pid = Number(/\.half-(\d+)$/.exec(name)?.[1]);
    if (pid > 0 && (pid === process.pid || !existsProcess(pid))) rmSync(join(dirname(data), name), { recursive: true });
  }
}

/** Whether a process of that id is there, somebody else's or a zombie too. */
export function existsProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function writeOwn(path: string, text: string, files: PostgresFiles): void {
  writeFileSync(path, text, { mode: 0o600 });
  own(path, files);
}

function own(path: string, { user }: PostgresFiles): void {
  // macOS writes nobody as -2, which chown wants unsigned.
  if (user !== undefined) chownSync(path, user.uid >>> 0, user.gid >>> 0);
}

function run(files: PostgresFiles, program: string, args: string[], input = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(files.native, 'bin', program), args, { cwd: '/', env: POSTGRES_ENV, ...files.user });
    let output = '';
    const collect = (chunk: Buffer) => (output += chunk.toString());
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} failed: ${output.trim().split('\n').slice(-5).join(' | ')}`));
    });
    child.stdin.end(input);
  });
}
