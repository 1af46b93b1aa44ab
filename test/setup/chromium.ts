import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const ADVICE = 'apt install chromium, or set CHROMIUM to the path of a Chromium or Chrome';

/**
 * A Chromium that runs: the one of CHROMIUM, the first on the PATH, or Debian's, which root installs. What was
 * found is kept in the environment for the processes to come.
 * @returns its path
 * @throws Error that names what to install
 */
export function findChromium(): string {
  const path = process.env.CHROMIUM ?? onPath() ?? fromDebian();
  if (spawnSync(path, ['--version']).status !== 0) throw new Error(`${path} does not run: ${ADVICE}`);
  process.env.CHROMIUM = path;
  return path;
}

function onPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file));
}

function fromDebian(): string {
  const apt = (...args: string[]) =>
    spawnSync('apt-get', ['-qq', ...args], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  if (process.getuid?.() === 0) {
    apt('update');
    const { status, stderr } = apt('install', '-y', '--no-install-recommends', 'chromium');
    const path = onPath();
    if (status === 0 && path !== undefined) return path;
    throw new Error(`the browser tests need a Chromium, and apt-get installs none: ${ADVICE}`, {
      cause: stderr?.toString(),
    });
  }
  throw new Error(`the browser tests need a Chromium, and there is none on the PATH: ${ADVICE}`);
}
