import { chmodSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A new folder for temporary files. Others may pass through it by default: as root Postgres runs as somebody else,
 * and would be kept outside a closed one.
 */
export function makeFolder(name: string, mode = 0o711): string {
  const folder = mkdtempSync(join(tmpdir(), `postern-${name}-`));
  chmodSync(folder, mode);
  return folder;
}

/** Where root's database of `dir` went, if its user could not reach `dir`. */
export function elsewhereOf(dir: string): string | undefined {
  try {
    return readlinkSync(join(dir, 'elsewhere'));
  } catch {
    return undefined;
  }
}

/** Removes the folder of an embedded Postgres that has stopped, and the one its link names, no other. */
export function removeDatabaseFolder(dir: string): void {
  const elsewhere = elsewhereOf(dir);
  if (elsewhere !== undefined) rmSync(elsewhere, { recursive: true, force: true });
  rmSync(dir, { recursive: true, force: true });
}
