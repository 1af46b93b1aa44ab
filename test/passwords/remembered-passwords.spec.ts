import { RememberedPasswords } from '../../src/passwords/remembered-passwords.js';

const APP = '7d444840-9dc0-41d1-b245-5ffdce74fad2';
const OTHER = '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed';
const EPOCH = '1.7';
const HOUR = 3_600_000;

describe('remembered passwords', () => {
  function make(capacity?: number) {
    const clock = { now: 1_000 };
    return { clock, remembered: new RememberedPasswords(() => clock.now, capacity) };
  }

  it('knows nothing before it was told', () => {
    expect(make().remembered.check(APP, EPOCH, 'secret')).toBe('unknown');
  });

  it('tells the right password from any other, for that account alone', () => {
    const { remembered } = make();
    remembered.remember(APP, EPOCH, 'caf\u00e9');
    expect(remembered.check(APP, EPOCH, 'caf\u00e9')).toBe('right');
    expect(remembered.check(APP, EPOCH, 'cafe\u0301')).toBe('right');
    expect(remembered.check(APP, EPOCH, 'cafe')).toBe('wrong');
    expect(remembered.check(APP, EPOCH, '')).toBe('wrong');
    expect(remembered.check(OTHER, EPOCH, 'caf\u00e9')).toBe('unknown');
  });

  it('does not take a lone surrogate for U+FFFD', () => {
    const { remembered } = make();
    remembered.remember(APP, EPOCH, 'secret\ufffd');
    expect(remembered.check(APP, EPOCH, 'secret\ud800')).toBe('wrong');
  });

  it('forgets at another epoch, also what comes back to the old one', () => {
    const { remembered } = make();
    remembered.remember(APP, EPOCH, 'secret');
    expect(remembered.check(APP, '1.8', 'secret')).toBe('unknown');
    expect(remembered.check(APP, EPOCH, 'secret')).toBe('unknown');
    expect(remembered.size).toBe(0);
  });

  it('forgets an hour after the last use; a wrong password is no use', () => {
    const { clock, remembered } = make();
    remembered.remember(APP, EPOCH, 'secret');
    clock.now += HOUR - 1;
    expect(remembered.check(APP, EPOCH, 'secret')).toBe('right');
    clock.now += HOUR - 1;
    expect(remembered.check(APP, EPOCH, 'wrong')).toBe('wrong');
    clock.now += 1;
    expect(remembered.check(APP, EPOCH, 'wrong')).toBe('unknown');
    expect(remembered.check(APP, EPOCH, 'secret')).toBe('unknown');
  });

  it('replaces what it knows of an account', () => {
    const { remembered } = make();
    remembered.remember(APP, EPOCH, 'secret');
    remembered.remember(APP, '1.8', 'another');
    expect(remembered.check(APP, '1.8', 'secret')).toBe('wrong');
    expect(remembered.check(APP, '1.8', 'another')).toBe('right');
    expect(remembered.size).toBe(1);
  });

  it('is bounded: the account longest unused goes', () => {
    const { remembered } = make(2);
    remembered.remember('a', EPOCH, 'one');
    remembered.remember('b', EPOCH, 'two');
    expect(remembered.check('a', EPOCH, 'one')).toBe('right');
    remembered.remember('c', EPOCH, 'three');
    expect(remembered.size).toBe(2);
    expect(remembered.check('b', EPOCH, 'two')).toBe('unknown');
    expect(remembered.check('a', EPOCH, 'one')).toBe('right');
    expect(remembered.check('c', EPOCH, 'three')).toBe('right');
  });
});
