// Takes the rules of sessions and authority out, one at a time, in a copy of the tree, and runs the tests named after
// the rule: each must fail. `npm run mutations`; minutes. Exits 1 where a rule can be taken out unnoticed.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TRUTH = 'src/authority/truth.service.ts';
const AUTHORITY = 'src/authority/authority.service.ts';
const LOCKED = 'src/authority/locked-rows.ts';
const STORE = 'src/sessions/redis-session.store.ts';
const SESSIONS = 'src/sessions/sessions.service.ts';

/** [rule, what is taken out, file, text, what stands there instead] */
const MUTATIONS = [
  [1, 'the lineage is not compared', TRUTH, 'postgres.rowLineage !== lineage', 'false'],
  [1, 'the terms are not compared', TRUTH, /postgres\.lease_ms !== this\.leaseMs \|\| [^)]+/, 'false'],
  [1, 'a replica will do', TRUTH, '!postgres.isPrimary || server?.isMaster === false', 'false'],
  [1, 'one database of a Redis is as good as another', 'src/redis/redis-node.ts', '${this.database}', ''],
  [
    1,
    'two processes replace it one after another',
    'src/authority/generation.ts',
    ' WHERE generation = $3',
    ' WHERE $3::text IS NOT NULL',
  ],
  [2, 'the lease runs from the answer', TRUTH, 'this.leaseUntil = sentAt', 'this.leaseUntil = performance.now()'],
  [2, 'the lease never ends', TRUTH, 'performance.now() < this.leaseUntil', 'true'],
  [3, 'adopted at once', TRUTH, 'adoptAt: now + this.adoptionMs', 'adoptAt: now'],
  [4, 'not checked after the reply', STORE, /this\.truth\.require\(ticket\);\n(?=\s+return this\.decide)/, ''],
  [4, 'not checked after a session was made', STORE, /this\.truth\.require\(ticket\);\n(?=\s+\} catch)/, ''],
  [4, 'not checked before an end is committed', STORE, /this\.truth\.require\(ticket\);\n(?=\s+\}\n\n\s+nowMs)/, ''],
  [
    4,
    "not checked before an admin's change is committed",
    AUTHORITY,
    /(work\(tx\);\n\s+)this\.truth\.require\(ticket\);/,
    '$1',
  ],
  [4, "not checked after an admin's change", AUTHORITY, 'await this.truth.settle(() => Promise.resolve());', ''],
  [4, 'not checked before a change is answered', TRUTH, /this\.require\(ticket\);\n(?=\s+return;)/, ''],
  [
    5,
    'an old generation is as good',
    STORE,
    'stored.generation === ticket.generation ? decodeCopy(copy) : null',
    'decodeCopy(copy)',
  ],
  [5, 'the recorded end is not asked for', STORE, 'if (truth.ended) return null;', ''],
  [5, 'stamped late', STORE, '[generation, ticket.generation]', '[generation, this.truth.begin().generation]'],
  [6, 'filled whatever stands there', AUTHORITY, `if redis.call('GET', KEYS[1]) == ARGV[1] then`, 'if true then'],
  [
    7,
    'no fence before the commit',
    AUTHORITY,
    /await this\.fence\(FENCE, change\.target, [^;]+;\n\s+this\.truth\.require\(ticket\);/,
    '',
  ],
  [7, 'no fence after the commit', AUTHORITY, 'await this.truth.settle(fenceAgain);', ''],
  [7, 'the fence ends before the COMMIT may', AUTHORITY, 'beforeCommit: 86_400_000', 'beforeCommit: 30_000'],
  [
    7,
    'the fence of a change that still waits is shortened',
    AUTHORITY,
    `if standing and standing ~= ARGV[1] and string.sub(standing, 1, 2) == '"!' then return end\n`,
    '',
  ],
  [7, 'a full Redis stops the fence', AUTHORITY, /#!lua flags=allow-oom\n/g, ''],
  [
    8,
    'the end is not recorded',
    SESSIONS,
    'const fresh = await this.recordEnd(tx, actor.userid, session);',
    'const fresh = true;',
  ],
  [
    8,
    'the key goes first',
    SESSIONS,
    /(const session = sessionOf\(actor\);)\n(?=\s+const ended = await inTransaction)/,
    '$1 await this.store.remove(actor.userid, session.sid);',
  ],
  [8, 'the record goes at once', 'src/sessions/session-ends.ts', "interval '24 hours'", "interval '-100 years'"],
  [8, 'no fence before the commit', SESSIONS, 'await this.store.fence(tx, userid, session.sid);', ''],
  [8, 'the fence is stamped over', STORE, ' && generation !== FENCED', ''],
  [
    8,
    'the generation is not held',
    AUTHORITY,
    'this.requireGeneration((await lockGeneration(tx)).generation, ticket);',
    '',
  ],
  [7, 'the generation is not held', AUTHORITY, 'this.requireGeneration(rows.generation, ticket);', ''],
  [9, 'the actor is not looked at', AUTHORITY, 'await checkActor(tx, change, rows);', ''],
  [9, 'not its epoch', LOCKED, ' || rows.actor.epoch !== session.epoch', ''],
  [9, 'not its status', LOCKED, `rows.actor?.status !== 'active'`, 'rows.actor === null'],
  [9, 'not its session', LOCKED, ' || still.ended', ''],
  [9, 'not its apitoken', LOCKED, 'session.apitokenId !== null && !still.live', 'false'],
  [9, 'not its role', LOCKED, 'wanted.actorRoles !== undefined && !still.holds', 'false'],
  [10, 'the epoch is not compared', 'src/sessions/session.ts', ' || session.epoch !== authority.epoch', ''],
  [10, 'the world is not compared', 'src/authority/authority.ts', `g.world || '.' || u.epoch`, `'0.' || u.epoch`],
  [
    10,
    'the generation stays',
    AUTHORITY,
    'SET world = world + 1, generation = $1',
    'SET world = world + 1, lineage = lineage || left($1, 0)',
  ],
  [
    10,
    'overlapping changes come first',
    LOCKED,
    'LOCK TABLE generation IN EXCLUSIVE MODE',
    'SELECT 1 FROM generation FOR UPDATE',
  ],
  [10, 'answered without waiting', AUTHORITY, /await this\.truth\.leftBehind\([^;]+;/, ''],
  [
    10,
    'a change in flight is not waited for',
    LOCKED,
    'SELECT generation, world FROM generation FOR SHARE',
    'SELECT generation, world FROM generation',
  ],
  [
    11,
    'the epoch is read later',
    SESSIONS,
    'mode, epoch, apitokenId, deviceName, isApp: false',
    'mode, epoch: (await this.authority.ask(actor.userid, null))!.authority.epoch, apitokenId, deviceName, isApp: false',
  ],
  [
    12,
    'the epoch is read at creation',
    SESSIONS,
    /const session = await this\.store\.create\(\{\n\s+\.\.\.rest,/,
    '$&\n      epoch: (await this.authority.ask(opening.userid, null))!.authority.epoch,',
  ],
  [
    12,
    'touch makes a key',
    STORE,
    /local value = redis\.call\('GET', KEYS\[1\]\)\nif not value then return end\n(local record = cjson\.decode\(value\)\nif record\[9\] <= now then return end\nrecord\[8\] = now\nredis\.call\('SET', KEYS\[1\], cjson\.encode\(record\), )'XX', /,
    `local value = redis.call('GET', KEYS[1]) or '["","t","","","",0,0,0,9e12,9e6,"","",""]'\n$1`,
  ],
  [12, 'touch changes more', STORE, 'record[8] = now\n', 'record[8] = now\nrecord[6] = now + 1\n'],
];

// All at once and first: nobody wants to learn after minutes that a text has changed.
const stale = MUTATIONS.filter(([, , file, text, instead]) => {
  const original = readFileSync(file, 'utf8');
  return original.replace(text, instead) === original;
});
for (const [rule, what, file] of stale) console.error(`rule ${rule}, ${what}: ${file} has no such text any more`);
if (stale.length > 0) process.exit(1);

const only = process.argv[2];
const tree = mkdtempSync(join(tmpdir(), 'postern-mutations-'));
let unnoticed = 0;
try {
  for (const name of [
    'src',
    'test',
    'migrations',
    'scripts',
    'jest.config.mjs',
    'package.json',
    '.swcrc',
    'tsconfig.json',
    '.env.example',
  ]) {
    cpSync(name, join(tree, name), { recursive: true });
  }
  for (const name of ['node_modules', '.cache']) symlinkSync(join(process.cwd(), name), join(tree, name));
  const whole = run(only === undefined ? 'rule' : `rule ${only}: `);
  if (whole.status !== 0) throw new Error(`the tests fail with every rule in place:\n${whole.stdout}${whole.stderr}`);
  for (const [rule, what, file, text, instead] of MUTATIONS) {
    if (only !== undefined && String(rule) !== only) continue;
    const original = readFileSync(join(tree, file), 'utf8');
    writeFileSync(join(tree, file), original.replace(text, instead));
    const failed = run(`rule ${rule}: `).status !== 0;
    writeFileSync(join(tree, file), original);
    if (!failed) unnoticed += 1;
    console.log(`${failed ? 'noticed  ' : 'UNNOTICED'}  rule ${rule}: ${what}`);
  }
} finally {
  rmSync(tree, { recursive: true, force: true });
}
console.log(`mutations: ${unnoticed} unnoticed`);
process.exitCode = unnoticed === 0 ? 0 : 1;

function run(name) {
  const args = [
    '--experimental-vm-modules',
    'node_modules/jest/bin/jest.js',
    'test/sessions/redis-rules',
    '-t',
    name,
    '--bail',
    '--testTimeout',
    '30000',
    '--rootDir',
    '.',
  ];
  return spawnSync(process.execPath, args, { cwd: tree, encoding: 'utf8', timeout: 240_000 });
}
