import { hash as digest, pbkdf2Sync } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { Config } from '../../src/config/config.js';
import type { HashWork } from '../../src/passwords/hash-pool.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import pbkdf2 from '../../src/passwords/pbkdf2.worker.js';
import { formatPhc, parsePhc } from '../../src/passwords/phc.js';
import { passwordConfig } from './test-config.js';

const WORK: HashWork = { lane: 'first' };
const PASSWORD = 'plum orchard, seven ladders';
const OLD = { id: '2025', key: Buffer.alloc(32, 1) };
const NEW = { id: '2026', key: Buffer.alloc(32, 2) };

describe('the password hasher', () => {
  const hashers: PasswordHasher[] = [];
  const logged: string[] = [];

  beforeAll(() => {
    const keep = (message: unknown) => void logged.push(String(message));
    Logger.overrideLogger({ log: keep, error: keep, warn: keep });
  });

  afterAll(() => Logger.overrideLogger(false));

  afterEach(async () => {
    logged.length = 0;
    await Promise.all(hashers.splice(0).map((hasher) => hasher.onApplicationShutdown()));
  });

  function makeHasher(overrides: Partial<Config> = {}): PasswordHasher {
    const hasher = new PasswordHasher(passwordConfig(overrides));
    hashers.push(hasher);
    return hasher;
  }

  it('stores a PHC string with its parameters, a salt of its own and 64 bytes', async () => {
    const hasher = makeHasher();
    const [one, two] = [await hasher.hash(PASSWORD, WORK), await hasher.hash(PASSWORD, WORK)];
    expect(one).toMatch(/^\$pbkdf2-sha512\$v=1,k=,i=1000,l=64\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{86}$/);
    expect(one.split('$')[3]).not.toBe(two.split('$')[3]);
    expect(one.split('$')[4]).not.toBe(two.split('$')[4]);
    expect(one).not.toContain(PASSWORD);
  });

  it('knows the right password from a wrong one', async () => {
    const hasher = makeHasher();
    const stored = await hasher.hash(PASSWORD, WORK);
    expect(await hasher.verify(PASSWORD, stored, WORK)).toEqual({ ok: true, rehash: false });
    expect(await hasher.verify(`${PASSWORD}!`, stored, WORK)).toEqual({ ok: false, rehash: false });
    expect(await hasher.verify(PASSWORD.toUpperCase(), stored, WORK)).toEqual({ ok: false, rehash: false });
    expect(hasher.calls).toEqual({ started: 4, finished: 4 });
  });

  it('takes the two ways to write é for one, and changes nothing else', async () => {
    const hasher = makeHasher();
    const stored = await hasher.hash('caf\u00e9 by the harbour wall', WORK);
    expect(await hasher.verify('cafe\u0301 by the harbour wall', stored, WORK)).toMatchObject({ ok: true });
    expect(await hasher.verify('cafe by the harbour wall', stored, WORK)).toMatchObject({ ok: false });
    // A full-width letter is another character: NFC, not NFKC.
    expect(await hasher.verify('\uff43af\u00e9 by the harbour wall', stored, WORK)).toMatchObject({ ok: false });
  });

  it("has none of PBKDF2's collisions: a trailing NUL, a long password and its digest", async () => {
    const hasher = makeHasher();
    const short = await hasher.hash('a', WORK);
    expect(await hasher.verify('a\0', short, WORK)).toMatchObject({ ok: false });
    const long = 'x'.repeat(129);
    // Bare PBKDF2 takes a key of over 128 bytes for its digest.
    const itsDigest = digest('sha512', long, 'buffer');
    expect(pbkdf2Sync(long, 'salt', 1, 64, 'sha512')).toEqual(pbkdf2Sync(itsDigest, 'salt', 1, 64, 'sha512'));
    const stored = await hasher.hash(long, WORK);
    expect(await hasher.verify(itsDigest.toString('latin1'), stored, WORK)).toMatchObject({ ok: false });
    expect(await hasher.verify(long, stored, WORK)).toMatchObject({ ok: true });
  });

  it('never takes a lone surrogate for U+FFFD, and hashes for it all the same', async () => {
    const hasher = makeHasher();
    const stored = await hasher.hash(`${PASSWORD}\ufffd`, WORK);
    expect(await hasher.verify(`${PASSWORD}\ufffd`, stored, WORK)).toMatchObject({ ok: true });
    expect(await hasher.verify(`${PASSWORD}\ud800`, stored, WORK)).toMatchObject({ ok: false });
    expect(hasher.calls.finished).toBe(3);
    await expect(hasher.hash(`${PASSWORD}\ud800`, WORK)).rejects.toThrow(TypeError);
  });

  it('does the work configured now, once, where there is no stored hash, and is never ok', async () => {
    const hasher = makeHasher();
    expect(await hasher.verify(PASSWORD, null, WORK)).toEqual({ ok: false, rehash: false });
    expect(hasher.calls).toEqual({ started: 1, finished: 1 });
  });

  describe('rehash', () => {
    const storedBy = (overrides: Partial<Config>) => makeHasher(overrides).hash(PASSWORD, WORK);

    it.each<[string, Partial<Config>, Partial<Config>, boolean]>([
      ['same rounds', {}, {}, false],
      ['fewer rounds', { passwordIterations: 500 }, {}, true],
      ['more rounds', { passwordIterations: 2000 }, {}, true],
      ['same pepper', { passwordPeppers: [NEW] }, { passwordPeppers: [NEW, OLD] }, false],
      ['the old pepper', { passwordPeppers: [OLD] }, { passwordPeppers: [NEW, OLD] }, true],
      ['no pepper yet', {}, { passwordPeppers: [NEW] }, true],
    ])('%s', async (_, then, now, rehash) => {
      expect(await makeHasher(now).verify(PASSWORD, await storedBy(then), WORK)).toEqual({ ok: true, rehash });
    });

    it('a shorter salt and a shorter hash within the bounds', async () => {
      const stored = parsePhc(await storedBy({}), 100);
      if (typeof stored === 'string') throw new Error(stored);
      const short = formatPhc({ ...stored, hash: stored.hash.slice(0, 32) });
      expect(await makeHasher().verify(PASSWORD, short, WORK)).toEqual({ ok: true, rehash: true });
    });

    it('is not said of a wrong password', async () => {
      const stored = await storedBy({ passwordIterations: 500 });
      expect(await makeHasher().verify(`${PASSWORD}!`, stored, WORK)).toEqual({ ok: false, rehash: false });
    });
  });

  it('needs the pepper: the same password under another key of the same name is wrong', async () => {
    const stored = await makeHasher({ passwordPeppers: [NEW] }).hash(PASSWORD, WORK);
    expect(stored).toContain('k=2026,');
    const other = makeHasher({ passwordPeppers: [{ id: '2026', key: Buffer.alloc(32, 3) }] });
    expect(await other.verify(PASSWORD, stored, WORK)).toEqual({ ok: false, rehash: false });
  });

  it('does not start with a pepper id that the stored string could not hold', () => {
    expect(() => new PasswordHasher(passwordConfig({ passwordPeppers: [{ ...NEW, id: 'a$b' }] }))).toThrow('pepper id');
  });

  describe('a hostile stored hash is not obeyed, hashes nothing and is logged', () => {
    const hasher = new PasswordHasher(passwordConfig());
    afterAll(() => hasher.onApplicationShutdown());

    const salt = 'A'.repeat(22);
    const hash = 'A'.repeat(86);
    const phc = (parameters: string, ownSalt = salt, ownHash = hash) =>
      `$pbkdf2-sha512$${parameters}$${ownSalt}$${ownHash}`;

    it.each<[string, string, string]>([
      ['10^9 rounds', phc('v=1,k=,i=1000000000,l=64'), 'out_of_bounds'],
      ['2,000,001 rounds', phc('v=1,k=,i=2000001,l=64'), 'out_of_bounds'],
      ['1 round', phc('v=1,k=,i=1,l=64'), 'out_of_bounds'],
      ['99 rounds, below the floor of tests', phc('v=1,k=,i=99,l=64'), 'out_of_bounds'],
      ['no rounds', phc('v=1,k=,i=0,l=64'), 'malformed'],
      ['a length of a million', phc('v=1,k=,i=1000,l=1000000'), 'out_of_bounds'],
      ['a length of 65', phc('v=1,k=,i=1000,l=65', salt, 'A'.repeat(87)), 'out_of_bounds'],
      ['a length of 31', phc('v=1,k=,i=1000,l=31', salt, 'A'.repeat(42)), 'out_of_bounds'],
      ['a length that is not the hash’s', phc('v=1,k=,i=1000,l=32'), 'malformed'],
      ['an empty salt', phc('v=1,k=,i=1000,l=64', ''), 'out_of_bounds'],
      ['a salt of 15 bytes', phc('v=1,k=,i=1000,l=64', 'A'.repeat(20)), 'out_of_bounds'],
      ['a salt of 65 bytes', phc('v=1,k=,i=1000,l=64', 'A'.repeat(87)), 'out_of_bounds'],
      ['a salt of 66 bytes', phc('v=1,k=,i=1000,l=64', 'A'.repeat(88)), 'out_of_bounds'],
      ['an empty hash', phc('v=1,k=,i=1000,l=64', salt, ''), 'malformed'],
      ['a hash with bits that say nothing', phc('v=1,k=,i=1000,l=64', salt, `${'A'.repeat(85)}B`), 'malformed'],
      ['an unknown pepper', phc('v=1,k=2019,i=1000,l=64'), 'unknown_pepper'],
      ['a pepper named like a property of objects', phc('v=1,k=constructor,i=1000,l=64'), 'unknown_pepper'],
      ['another version', phc('v=2,k=,i=1000,l=64'), 'malformed'],
      ['another function', phc('v=1,k=,i=1000,l=64').replace('sha512', 'sha1'), 'malformed'],
      ['a parameter more', phc('v=1,k=,i=1000,l=64,x=1'), 'malformed'],
      ['a line more', `${phc('v=1,k=,i=1000,l=64')}\n`, 'malformed'],
      ['nothing', '', 'malformed'],
      ['a megabyte', '$'.repeat(1_000_000), 'malformed'],
    ])('%s', async (_, stored, fault) => {
      const work: HashWork = { lane: 'first', account: 'token:1' };
      expect(await hasher.verify(PASSWORD, stored, work)).toEqual({ ok: false, rehash: false, fault });
      expect(hasher.calls).toEqual({ started: 0, finished: 0 });
      expect(logged).toEqual([`a stored password hash is not obeyed: ${fault} (token:1)`]);
    });

    it('outside of tests 209,999 rounds are too few and 210,000 are enough', () => {
      expect(parsePhc(phc('v=1,k=,i=209999,l=64'))).toBe('out_of_bounds');
      expect(parsePhc(phc('v=1,k=,i=210000,l=64'))).toMatchObject({ iterations: 210_000, pepperId: '' });
      expect(parsePhc(phc('v=1,k=,i=2000000,l=64'))).toMatchObject({ iterations: 2_000_000 });
    });

    it('production does not obey what a test made', async () => {
      const stored = await makeHasher().hash(PASSWORD, WORK);
      const production = makeHasher({ environment: 'production', passwordIterations: 220_000 });
      expect(await production.verify(PASSWORD, stored, WORK)).toMatchObject({ ok: false, fault: 'out_of_bounds' });
      expect(production.calls.started).toBe(0);
    });
  });

  it('computes PBKDF2-HMAC-SHA-512: the known answers for "password" and "salt"', () => {
    const answer = (iterations: number) =>
      Buffer.from(
        pbkdf2({ secret: Buffer.from('password'), salt: Buffer.from('salt'), iterations, length: 64 }),
      ).toString('hex');
    expect(answer(1)).toMatch(/^867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252/);
    expect(answer(2)).toMatch(/^e1d9c16aa681708a45f5c7c4e215ceb66e011a2e9f0040713f18aefdb866d53c/);
  });

  it('has its threads up before the first login and counts none of that', async () => {
    const hasher = makeHasher({ hashConcurrency: 2 });
    await hasher.onModuleInit();
    expect(hasher.calls).toEqual({ started: 0, finished: 0 });
    expect([hasher.waiting('first'), hasher.waiting('second')]).toEqual([0, 0]);
  });
});
