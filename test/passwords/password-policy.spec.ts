import fc from 'fast-check';
import { loadBlocklist } from '../../src/passwords/blocklist.js';
import { PasswordPolicy } from '../../src/passwords/password-policy.js';
import { passwordConfig } from './test-config.js';

const policy = new PasswordPolicy(passwordConfig({ passwordContextWords: ['Acme Anvils', 'Roadrunner'] }));

/** The message for that password, undefined where it passes. */
function messageFor(password: string, username = 'wile.coyote', rules = policy): string | undefined {
  const errors = rules.check(password, username, 'newPassword');
  expect(errors.length).toBeLessThanOrEqual(1);
  if (errors[0] !== undefined) expect(errors[0].field).toBe('newPassword');
  return errors[0]?.message;
}

describe('the password policy', () => {
  it.each([
    'plum orchard, seven ladders',
    'correct horse battery staple 42',
    'wuchtige Ölgemälde im Flur',
    'долгая дорога в дюнах вечером',
    '木漏れ日の中で静かに本を読んでいる猫',
    '🦆🐝🌵🍉🎻🚲🧭🪁🦔🌋🧵🥁🗿🛶🪐',
    'x7Kq-93vT-mm2P-wZ',
    'lower case letters only here',
    '73920581736450918',
    'The coyote of my dreams never sleeps',
    'I met a roadrunner near the anvils',
    '   leading and trailing blanks   ',
    'kD83hf92nsKqLp0kD83hf92nsKqLp0',
  ])('lets pass: %s', (password) => {
    expect(messageFor(password)).toBeUndefined();
  });

  describe('bounds', () => {
    // No run, no repetition, and no word.
    const distinct = (count: number) =>
      String.fromCodePoint(...Array.from({ length: count }, (_, i) => 0x4e00 + i * 7));

    /** Two letters each, which NFD takes apart. */
    const distinctSyllables = (count: number) =>
      String.fromCodePoint(...Array.from({ length: count }, (_, i) => 0xac00 + i * 28));

    it.each<[string, string, string | undefined]>([
      ['14 characters', 'plum orchard 7', 'must be at least 15 characters long'],
      ['15 characters', 'plum orchard 72', undefined],
      ['nothing', '', 'must be at least 15 characters long'],
      ['14 that are 28 UTF-16 units', '🦆🐝🌵🍉🎻🚲🧭🪁🦔🌋🧵🥁🗿🛶', 'must be at least 15 characters long'],
      ['15 that NFC makes 14', 'plum orchard e\u0301', 'must be at least 15 characters long'],
      ['128 characters', distinct(128), undefined],
      ['129 characters', distinct(129), 'must be at most 128 characters long'],
      ['129 that NFC makes 128', `${distinct(127)}e\u0301`, undefined],
      ['384 bytes that were sent as 768', distinctSyllables(128).normalize('NFD'), undefined],
      ['512 bytes', '🦆🐝🌵🍉🎻🚲🧭🪁'.repeat(2) + '𐌀𐌁𐌄𐌆𐌋'.repeat(16) + '🦔🌋🧵🥁'.repeat(8), undefined],
      ['513 bytes', `${'🦆🐝🌵🍉🎻🚲🧭🪁'.repeat(16)}a`, 'must be at most 128 characters long'],
      ['16 KiB', 'a'.repeat(16_384), 'must be at most 1024 bytes long'],
      ['what NFC makes longer than 128 characters', '\u{1d160}'.repeat(128), 'must be at most 128 characters long'],
      ['NUL', 'plum orchard\0, seven ladders', 'must not contain the character U+0000'],
      ['a lone surrogate', 'plum orchard\ud83e, seven ladders', 'must be well-formed Unicode text'],
    ])('%s', (_, password, message) => {
      expect(messageFor(password)).toBe(message);
    });

    it('a word of the house, be it of two letters', () => {
      const house = new PasswordPolicy(passwordConfig({ passwordContextWords: ['hp'] }));
      expect(messageFor('hp8472916350274', 'ada', house)).toMatch(/goes with this service/);
      expect(messageFor('8472916350274HP', 'ada', house)).toMatch(/goes with this service/);
      expect(messageFor('plum orchard, php', 'ada', house)).toBeUndefined();
    });

    it('8 characters where the configuration says so', () => {
      const short = new PasswordPolicy(passwordConfig({ passwordMinLength: 8 }));
      expect(messageFor('q7#Vx2!', 'ada', short)).toBe('must be at least 8 characters long');
      expect(messageFor('q7#Vx2!z', 'ada', short)).toBeUndefined();
      for (const common of ['password', 'Football', 'letmein1', 'iloveyou', 'abcd1234', '12345678', 'aaaaaaaa']) {
        expect(messageFor(common, 'ada', short)).toBeDefined();
      }
    });
  });

  const COMMON = 'must not be a common password, nor one with digits or signs added: choose several unrelated words';
  const RUNS = 'must not be made of runs such as aaaa, 1234, abcd or qwerty';
  const AGAIN = 'must not be one short part again and again';
  const USERNAME = 'must not be the username with little added';
  const CONTEXT = 'must not be a word that goes with this service with little added';

  it.each<[string, string]>([
    // Common passwords, whole and as the core.
    ['passwordpassword', COMMON],
    ['PasswordPassword', COMMON],
    ['ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ', COMMON],
    ['manchesterunited', COMMON],
    ['Manchester United', COMMON],
    ['Manchester-United-99', COMMON],
    ['momsanaladventure', COMMON],
    ['password12345678', COMMON],
    ['Password!!2024-11', COMMON],
    ['   password 2024   ', COMMON],
    ['1!2!password!3!4', COMMON],
    ['p4ssw0rd20241101', COMMON],
    ['christopher2024', COMMON],
    ['pass-word-2024-01', COMMON],
    // One part again and again.
    ['orchardorchardorchard', AGAIN],
    ['orchard orchard orchard', AGAIN],
    ['Orchard-orchard-17', AGAIN],
    ['x7Kq93x7Kq93x7Kq93', AGAIN],
    ['x7Kq93x7Kq93x7K', AGAIN],
    // Runs of characters, digits and keys.
    ['aaaaaaaaaaaaaaaaaaaa', RUNS],
    ['aaaaaaaabbbbbbbbb', RUNS],
    ['1122334455667788', RUNS],
    ['123456789012345', RUNS],
    ['9876543210987654', RUNS],
    ['abcdefghijklmnop', RUNS],
    ['zyxwvutsrqponml', RUNS],
    ['qwertyuiopasdfgh', RUNS],
    ['QWERTZUIOP12345', RUNS],
    ['1qaz2wsx3edc4rfv', RUNS],
    ['q1w2e3r4t5y6u7i8', RUNS],
    ['йцукенгшщзхъфыва', RUNS],
    ['abcdefgh12345678!', RUNS],
    ['11111111111111111', RUNS],
    // The username (wile.coyote) and its variants.
    ['wile.coyote12345', USERNAME],
    ['WILECOYOTE2024!!', USERNAME],
    ['etoyoc.eliw-2024', USERNAME],
    ['wilecoyotewilecoyote', USERNAME],
    ['1949-wile_coyote-1949', USERNAME],
    ['w1l3.coyote.2024', USERNAME],
    ['wile.coyotepassword', USERNAME],
    // Words of the house.
    ['postern-83920173645', CONTEXT],
    ['Postern Postern 1', CONTEXT],
    ['p0stern2024202483', CONTEXT],
    ['acme anvils 839201', CONTEXT],
    ['AcmeAnvils-2024-11', CONTEXT],
    ['roadrunner8392017364', CONTEXT],
    ['posternpassword', CONTEXT],
  ])('refuses %s and says why', (password, message) => {
    expect(messageFor(password)).toBe(message);
  });

  it.each(['correct horse correct horse', 'new-password-new-password', 'plum orchard, '.repeat(9)])(
    'takes %s: a part of several words may come again',
    (password) => expect(messageFor(password)).toBeUndefined(),
  );

  it('takes a username of digits and signs, and none, as they come', () => {
    expect(messageFor('b-o-b 8392017364510', 'bob')).toBe(USERNAME);
    expect(messageFor('bob8392017364510', 'bob1')).toBe(USERNAME);
    expect(messageFor('a._a._a._a._a._a._', 'a._')).toBe(USERNAME);
    expect(messageFor('a._a._a._a._a._a._', 'bob')).toBe(AGAIN);
    expect(messageFor('plum orchard, seven ladders', '')).toBeUndefined();
    expect(messageFor('plum orchard, seven ladders', 'plum')).toBeUndefined();
  });

  it('holds over 3,000 real breached passwords that fit the length, verbatim, and refuses every one', () => {
    const fitting = [...loadBlocklist()].filter((entry) => [...entry].length >= 15);
    expect(fitting.length).toBeGreaterThanOrEqual(9_000);
    expect(fitting.filter((entry) => policy.check(entry, 'wile.coyote', 'password').length === 0)).toEqual([]);
    expect(fitting.filter((entry) => policy.check(entry.toUpperCase(), 'x', 'password').length === 0)).toEqual([]);
  });

  it('holds over 3,000 of the commonest that fit a minimum of 8', () => {
    expect([...loadBlocklist()].filter((entry) => entry.length >= 8 && entry.length < 15).length).toBeGreaterThan(
      3_000,
    );
  });

  it('never repeats the password in its message, nor throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ maxLength: 40 }), (password, username) => {
        const message = messageFor(password, username);
        return message === undefined || password.length < 15 || !message.includes(password);
      }),
    );
  });

  it('lets random passwords pass', () => {
    const letter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_');
    fc.assert(
      fc.property(fc.array(letter, { minLength: 20, maxLength: 20, size: 'max' }), (letters) => {
        // fast-check likes few different letters; a generator of passwords gives many.
        fc.pre(new Set(letters).size >= 14);
        return messageFor(letters.join('')) === undefined;
      }),
    );
  });
});
