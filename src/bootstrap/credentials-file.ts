import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Names and values as a shell may source them. */
export type Credentials = Readonly<Record<string, string>>;

const NAME = /^[A-Z][A-Z0-9_]*$/;
/** A value in single quotes, in which `'\''` stands for a quote; it may span lines. */
const ENTRY = /^([A-Z][A-Z0-9_]*)='((?:[^']|'\\'')*)'$/gm;

const HEADER = `# The first accounts of this development database. For a shell: . ./credentials.env
# The service reads it again where the accounts are missing; once they exist it has no effect.
`;

/** What such a file holds; empty where there is none. */
export async function readCredentials(path: string): Promise<Credentials> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return Object.fromEntries<string>(
    [...text.matchAll(ENTRY)].map(([, name, value]) => [name!, value!.replaceAll(`'\\''`, `'`)]),
  );
}

/** Writes the file in one step, readable by its owner alone: a kill leaves the old one or the new one, whole. */
export async function writeCredentials(path: string, credentials: Credentials): Promise<void> {
  const lines = Object.entries(credentials).map(([name, value]) => {
    if (!NAME.test(name)) throw new Error('a shell variable has letters, digits and _');
    return `${name}='${value.replaceAll(`'`, `'\\''`)}'\n`;
  });
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeDurably(temporary, HEADER + lines.join(''));
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  // Whatever the umask said.
  await chmod(path, 0o600);
}

/** Without it the new name may be lost with the power, while the accounts are in the database. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
