import { setImmediate as nextTurn } from 'node:timers/promises';
import { Problem } from '../../src/common/problem.js';
import { RefusalPace } from '../../src/limits/refusal-pace.js';

/** Less than that is a timer of Node early: it cuts both its time and its clock to whole milliseconds. */
const EARLY_MS = 2;

describe('the pace of refusals', () => {
  /** Refuses so many logins at once; when each was answered, in ms, in the order in which they came. */
  async function refuse(count: number, pace = new RefusalPace()): Promise<number[]> {
    const start = performance.now();
    const refused = Array.from({ length: count }, async () => {
      const problem = new Problem('overloaded');
      await expect(pace.keep(() => Promise.reject(problem))).rejects.toBe(problem);
      return performance.now() - start;
    });
    return Promise.all(refused);
  }

  it('answers one alone at once', async () => {
    let answered = false;
    void new RefusalPace().keep(() => Promise.reject(new Problem('rate_limited'))).catch(() => (answered = true));
    await nextTurn();
    expect(answered).toBe(true);
  });

  it('answers many one after another, 4 ms apart, in the order in which they came', async () => {
    const answered = await refuse(50);
    answered.forEach((ms, at) => expect(ms).toBeGreaterThan(at * 4 - EARLY_MS));
    expect(answered).toEqual(answered.toSorted((a, b) => a - b));
  });

  it('lets nobody wait for longer than a second', async () => {
    // At the pace alone the last would wait for 8 s.
    const answered = await refuse(2000);
    expect(Math.max(...answered)).toBeGreaterThan(1000 - EARLY_MS);
    expect(Math.max(...answered)).toBeLessThan(4000);
  });

  it('does not hold back who is let in', async () => {
    const pace = new RefusalPace();
    const refused = refuse(200, pace);
    let done = 0;
    for (let login = 0; login < 200; login += 1) void pace.keep(() => Promise.resolve()).then(() => (done += 1));
    await nextTurn();
    expect(done).toBe(200);
    await refused;
  });
});
