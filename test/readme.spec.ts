import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from './setup/test-database.js';
import { processEnv, startService, type ServiceProcess } from './support/service-process.js';

/** Starting a process compiles the sources. */
const SLOW = 150_000;
const ROOT = join(import.meta.dirname, '..');

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Lines for the shell as the README has them, and what it says that they print. */
interface Step {
  readonly sh: string;
  readonly text: string;
}

/** Every block for a shell, in order, with the block of text behind it. */
function stepsOf(readme: string): Step[] {
  const blocks = [...readme.matchAll(/^```(sh|text)\n([\s\S]*?)^```$/gm)].map(([, kind, body]) => ({ kind, body }));
  return blocks.flatMap(({ kind, body }, at) => {
    if (kind !== 'sh') return [];
    const next = blocks[at + 1];
    if (next?.kind !== 'text') throw new Error(`the README does not say what this prints:\n${body}`);
    return [{ sh: body!, text: next.body! }];
  });
}

/** `…` stands for something that is not empty and ends in the same line; everything else for itself. */
function patternOf(text: string): RegExp {
  const literal = text.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('.+?')}$`);
}

/** A folder for the PATH with these programs and no others. */
function folderOf(programs: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'postern-path-'));
  for (const program of programs) {
    const path = execFileSync('/bin/sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
    symlinkSync(path, join(folder, program));
  }
  return folder;
}

/** Runs a script by `sh`, as one paste; gives what it printed on both outputs. */
async function runBySh(script: string, env: Record<string, string>): Promise<{ out: string; err: string }> {
  const sh = spawn('/bin/sh', [], { env, stdio: 'pipe' });
  const printed = { out: '', err: '' };
  sh.stdout.on('data', (chunk: Buffer) => (printed.out += chunk.toString()));
  sh.stderr.on('data', (chunk: Buffer) => (printed.err += chunk.toString()));
  sh.stdin.end(script);
  await once(sh, 'close');
  return printed;
}

describe('the README', () => {
  const readme = read('README.md');
  const steps = stepsOf(readme);
  let database: TestDatabase;
  let dataDir: string;
  let service: ServiceProcess;

  beforeAll(async () => {
    database = await createTestDatabase();
    dataDir = mkdtempSync(join(tmpdir(), 'postern-readme-'));
    service = await startService(processEnv({ DATABASE_URL: database.url, DATA_DIR: dataDir }));
    await service.ready();
  }, SLOW);

  afterAll(async () => {
    expect(await service.end('SIGTERM')).toBe(0);
    await database.drop();
    rmSync(dataDir, { recursive: true });
  });

  it('prints what it says, block by block, when it is pasted into a shell that has curl and a few tools of POSIX', async () => {
    const mark = '-- the next block --';
    const script = steps.map(({ sh }) => `${sh}\necho '${mark}'\n`).join('');
    const PATH = folderOf(['curl', 'date', 'sed', 'tail']);
    const { out, err } = await runBySh(script, { PATH, URL: service.url, DATA_DIR: dataDir });
    rmSync(PATH, { recursive: true });
    expect(err).toBe('');
    const printed = out.split(`${mark}\n`).slice(0, -1);
    expect(printed).toHaveLength(steps.length);
    steps.forEach(({ text }, at) => expect(printed[at]).toMatch(patternOf(text)));
  });

  it('walks the whole of the scheme: these statuses, in this order', () => {
    const statuses = steps.flatMap(({ text }) => text.match(/^\d{3}$/gm) ?? []).map(Number);
    const readyToCall = [200, 200, 201, 200, 200];
    const sessions = [200, 200, 204, 401, 200];
    const roles = [200, 201, 403, 204, 204, 200, 401];
    expect(statuses).toEqual([...readyToCall, ...sessions, ...roles]);
  });

  it('asks port 3000 and the folder .data where nobody says otherwise', () => {
    expect(steps[0]!.sh).toContain('URL=${URL:-http://127.0.0.1:3000}');
    expect(steps[1]!.sh).toContain('. "${DATA_DIR:-.data}/credentials.env"');
  });

  it('has a page that says of every package why it is there', () => {
    const kinds = ['dependencies', 'devDependencies', 'optionalDependencies'] as const;
    const manifest = JSON.parse(read('package.json')) as Record<(typeof kinds)[number], Record<string, string>>;
    const page = read('docs/architecture.md');
    const packages = kinds.flatMap((kind) => Object.keys(manifest[kind]));
    expect(packages.length).toBeGreaterThan(30);
    expect(packages.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it('leads to pages that are there, and so do the pages', () => {
    const records = readdirSync(join(ROOT, 'docs/adr')).map((name) => `docs/adr/${name}`);
    const pages = [
      ...['README.md', 'bench/README.md', 'client/README.md'],
      ...['docs/architecture.md', 'docs/security.md', 'docs/operations.md', 'docs/pages.md', 'docs/your-own-module.md'],
      ...records,
    ];
    const links = pages.flatMap((page) => {
      const targets = [...read(page).matchAll(/\]\(([^)#\s]+)/g)].map(([, target]) => target!);
      return targets.filter((target) => !/^https?:/.test(target)).map((target) => join(page, '..', target));
    });
    expect(links.length).toBeGreaterThan(10);
    const files = pages.flatMap((page) => {
      const named = [...read(page).matchAll(/`((?:src|test|scripts|deploy|docs|bench|migrations)\/[\w./-]+\.\w+)`/g)];
      return named.map(([, file]) => file!);
    });
    expect(files.length).toBeGreaterThan(10);
    const isThere = (path: string) => ['', 'client', 'web'].some((part) => existsSync(join(ROOT, part, path)));
    expect([...links, ...files].filter((path) => !isThere(path))).toEqual([]);
  });
});
