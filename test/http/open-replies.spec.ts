import fc from 'fast-check';
import { OpenReplies } from '../../src/http/open-replies.js';

interface Reply {
  readonly name: number;
  openAt: number;
}

/** So many that each comes and goes several times: left to itself fast-check tries ten at most. */
const steps = fc.array(fc.record({ remove: fc.boolean(), which: fc.nat(19) }), { minLength: 100, maxLength: 200 });

describe('the open replies', () => {
  it('are those that were added and not removed, whatever came and went between', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const open = new OpenReplies<Reply>();
        const replies = Array.from({ length: 20 }, (_, name) => ({ name, openAt: -1 }));
        const expected = new Set<number>();
        for (const { remove, which } of all) {
          const reply = replies[which]!;
          if (remove) {
            // Also where it is out already.
            open.remove(reply);
            expected.delete(which);
          } else if (!expected.has(which)) {
            open.add(reply);
            expected.add(which);
          }
          expect([...open].map(({ name }) => name).sort()).toEqual([...expected].sort());
        }
      }),
    );
  });

  it('are all given while some of them are removed', () => {
    const open = new OpenReplies<Reply>();
    const replies = Array.from({ length: 10 }, (_, name) => ({ name, openAt: -1 }));
    for (const reply of replies) open.add(reply);
    const given: number[] = [];
    for (const reply of open) {
      given.push(reply.name);
      if (reply.name % 3 === 0) open.remove(reply);
    }
    expect(given.sort()).toEqual(replies.map(({ name }) => name));
    expect([...open].map(({ name }) => name).sort()).toEqual([1, 2, 4, 5, 7, 8]);
  });
});
