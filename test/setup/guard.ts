import { spawn } from 'node:child_process';

/**
 * Waits for our end of the pipe to close. A line means that all is well; no line, that we were killed. QUIT lets
 * Postgres give its shared memory back, CONT wakes who was stopped, KILL is for who hears neither.
 */
const SCRIPT = `
pid=$1; shift
read -r _ && exit
kill -QUIT "$pid" && kill -CONT "$pid" && sleep 1
kill -KILL "$pid"
rm -rf -- "$@"
`;

/**
 * Has process `pid` killed and `folders` removed if this process dies without calling what is returned, however
 * it dies. Costs a sleeping shell.
 */
export function killWithUs(pid: number, ...folders: string[]): () => void {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', `${pid}`, ...folders], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  // A shell that is gone already has nothing left to be told.
  shell.stdin.on('error', () => undefined);
  (shell.stdin as unknown as { unref(): void }).unref();
  return () => shell.stdin.end('done\n');
}
