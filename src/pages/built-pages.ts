import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';

/** Where `npm run build` puts the pages: the same seen from `src` and from `dist`. */
const FOLDER = join(import.meta.dirname, '../../dist/web');

/** What stands in the built index.html in place of the nonce; `web/vite.config.ts` has the same word. */
const NONCE_PLACE = '__NONCE__';

/** What the build makes, and nothing else: a file of another kind is a mistake, found at start. */
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** A file of the build that has its hash in its name. */
export interface Asset {
  readonly type: string;
  readonly plain: Buffer;
  /** By gzip; there where the build found it smaller. */
  readonly gzipped?: Buffer;
}

/** The pages as the build made them, read once: no request ever names a file of the disk. */
export class BuiltPages {
  private readonly assets: ReadonlyMap<string, Asset>;
  private readonly index: readonly string[];

  /** @throws Error where there is no build, or one with files that nobody expects. */
  constructor(folder = FOLDER) {
    const file = join(folder, 'index.html');
    if (!existsSync(file))
      throw new Error('the pages are not built: npm run build makes them, WEB_UI=false omits them');
    this.index = readFileSync(file, 'utf8').split(NONCE_PLACE);
    this.assets = readAssets(join(folder, 'assets'));
  }

  /** The HTML of every page, its styles allowed by `nonce`. */
  html(nonce: string): string {
    return this.index.join(nonce);
  }

  /** By its name without folder; undefined where the build made none of that name. */
  asset(name: string): Asset | undefined {
    return this.assets.get(name);
  }
}

function readAssets(folder: string): Map<string, Asset> {
  const names = readdirSync(folder);
  const plain = names.filter((name) => !name.endsWith('.gz'));
  return new Map(plain.map((name) => [name, readAsset(folder, name, names.includes(`${name}.gz`))]));
}

function readAsset(folder: string, name: string, gzipped: boolean): Asset {
  const type = TYPES[extname(name)];
  if (type === undefined) throw new Error(`no content type is known for ${name} of the built pages`);
  const read = (file: string) => readFileSync(join(folder, file));
  return { type, plain: read(name), ...(gzipped ? { gzipped: read(`${name}.gz`) } : {}) };
}
