import fc from 'fast-check';
import { Problem } from '../../src/common/problem.js';
import { sourceOf } from '../../src/limits/source.js';

describe('the source of an address', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7', null],
    ['::ffff:203.0.113.7', '203.0.113.7', null],
    ['::FFFF:cb00:7107', '203.0.113.7', null],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7', null],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8:0:0::/64', '2001:db8:0::/48'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64', '2001:db8:0::/48'],
    ['2001::1:2:3:4:5:6', '2001:0:1:2::/64', '2001:0:1::/48'],
    ['::1', '0:0:0:0::/64', '0:0:0::/48'],
    ['::', '0:0:0:0::/64', '0:0:0::/48'],
    ['::203.0.113.7', '0:0:0:0::/64', '0:0:0::/48'],
    ['64:ff9b::203.0.113.7', '64:ff9b:0:0::/64', '64:ff9b:0::/48'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64', 'fe80:0:0::/48'],
  ])('of %s is %s, wider %s', (address, key, wideKey) => {
    expect(sourceOf(address)).toEqual({ key, wideKey });
  });

  it.each([[undefined], [''], ['unknown'], ['203.0.113'], ['203.0.113.7:80'], ['[::1]'], ['1::2::3'], ['*']])(
    'is an error for %p, not a way around the limits',
    (address) => {
      expect(() => sourceOf(address)).toThrow(Problem);
    },
  );

  const group = fc.integer({ min: 0, max: 0xffff });
  const spelled = (groups: readonly number[]) => groups.map((one) => one.toString(16).padStart(4, '0')).join(':');

  it('is one for all addresses of a /64, and another for another', () => {
    const groups = (length: number) => fc.array(group, { minLength: length, maxLength: length });
    // First group 2000 to 3fff: what is handed out to networks.
    const prefix = fc.tuple(fc.integer({ min: 0x2000, max: 0x3fff }), groups(3)).map(([head, rest]) => [head, ...rest]);
    fc.assert(
      fc.property(prefix, groups(4), groups(4), fc.integer({ min: 0, max: 3 }), (net, one, two, changed) => {
        const source = sourceOf(spelled([...net, ...one]));
        expect(sourceOf(spelled([...net, ...two]))).toEqual(source);
        const neighbour = net.with(changed, net[changed]! ^ 1);
        const other = sourceOf(spelled([...neighbour, ...one]));
        expect(other.key).not.toBe(source.key);
        expect(other.wideKey === source.wideKey).toBe(changed === 3);
      }),
    );
  });
});
