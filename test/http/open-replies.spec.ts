import fc from 'fast-check';
import { OpenReplies } from '../../src/http/open-replies.js';

interface Reply {
  readonly name: number;
  openAt: number;
}

const steps = fc.array(fc.record({ remove: fc.boolean(), which: fc.nat(19) }), { maxLength: 200 });

describe('the open replies', () => {
  it('are those that were added and not removed, whatever came and went between', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const open = new OpenReplies<Reply>();
        const replies = Array.from({ length: 20 }, (_, name) => ({ name, openAt: -1 }));
        const expected = new Set<number>();
        for (const { remove, which } of all) {
          const reply = replies[which]!;
          // Each is added once at a time, and may be removed when it is out already.
          if (remove) open.remove(reply);
          else if (!expected.has(which)) open.add(reply);
          if (remove) expected.delete(which);
          else expected.add(which);
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
