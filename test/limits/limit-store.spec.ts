import type { LimitStore, Outcome } from '../../src/limits/limit-store.js';
import { eventually } from '../support/barrier.js';
import { STORES, type StoreUnderTest } from './limit-stores.js';

const MINUTE = 60_000;
const QUARTER = 900_000;
/** How much later than the test thinks a busy machine may be. */
const SLACK = 5000;

function taken(outcome: Outcome): { count: number; receipt: string } {
  if (!outcome.taken) throw new Error(`refused for ${outcome.waitMs} ms`);
  return outcome;
}

function waitOf(outcome: Outcome): number {
  if (outcome.taken) throw new Error(`taken as number ${outcome.count}`);
  return outcome.waitMs;
}

function nextMillisecond(): Promise<void> {
  const now = Date.now();
  return eventually(() => Date.now() > now + 1);
}

describe.each(STORES)('limits in %s', (_name, open) => {
  let world: StoreUnderTest;
  let store: LimitStore;

  beforeAll(async () => {
    world = await open();
    store = world.first;
  });
  beforeEach(() => world.reset());
  afterAll(() => world.close());

  async function times(count: number, work: () => Promise<Outcome>): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (let i = 0; i < count; i += 1) outcomes.push(await work());
    return outcomes;
  }

  /** The same through both connections, all at once. */
  async function atOnce(count: number, work: (store: LimitStore) => Promise<Outcome>): Promise<number> {
    const outcomes = await Promise.all(
      Array.from({ length: count }, (_, i) => work(i % 2 ? world.first : world.second)),
    );
    return outcomes.filter((outcome) => outcome.taken).length;
  }

  describe('a window', () => {
    const rule = { limit: 3, windowMs: MINUTE };
    const take = () => store.take('window', rule);

    it('lets its limit through, counting, and then says how long it is full', async () => {
      const outcomes = await times(3, take);
      expect(outcomes.map((one) => taken(one).count)).toEqual([1, 2, 3]);

      const wait = waitOf(await take());
      expect(wait).toBeLessThanOrEqual(MINUTE);
      expect(wait).toBeGreaterThan(MINUTE - SLACK);
    });

    it('starts at its first take, not at its last', async () => {
      await take();
      await world.age(40_000);
      await times(2, take);
      expect(waitOf(await take())).toBeLessThanOrEqual(20_000);
    });

    it('starts anew when it is over', async () => {
      await times(4, take);
      await world.age(MINUTE);
      expect(taken(await take()).count).toBe(1);
      const { window: lifetime } = await world.lifetimes();
      expect(lifetime).toBeGreaterThan(MINUTE - SLACK);
    });

    it('does not count what it refused', async () => {
      const [first] = await times(3, take);
      await times(5, take);
      await store.giveBack('window', taken(first!).receipt);
      expect(taken(await take()).count).toBe(3);
    });

    it('gives nothing back of another window', async () => {
      const { receipt } = taken(await take());
      // A window is told apart by the millisecond of its end; ageing the first one lets two begin in one.
      await nextMillisecond();
      await world.age(MINUTE);
      await times(3, take);
      await store.giveBack('window', receipt);
      expect((await take()).taken).toBe(false);
    });

    it('makes no key when it gives back what is gone', async () => {
      const { receipt } = taken(await take());
      await store.clear('window');
      await store.giveBack('window', receipt);
      expect(await world.lifetimes()).toEqual({});
    });

    it('starts at the next take when all was given back', async () => {
      const { receipt } = taken(await take());
      await world.second.giveBack('window', receipt);
      await world.age(30_000);
      expect(taken(await take()).count).toBe(1);
      expect((await world.lifetimes())['window']).toBeGreaterThan(MINUTE - SLACK);
    });

    it('is empty when it was cleared', async () => {
      await times(4, take);
      await world.second.clear('window');
      expect(taken(await take()).count).toBe(1);
    });

    it('is one for both processes, however many come at once', async () => {
      expect(await atOnce(200, (one) => one.take('window', { limit: 10, windowMs: MINUTE }))).toBe(10);
    });

    it('is not touched by other keys', async () => {
      await times(4, take);
      expect(taken(await store.take('another', rule)).count).toBe(1);
    });
  });

  describe('a run of wrong tries', () => {
    const reserve = () => store.reserveTry('run', performance.now());
    /** Refused where a wait has begun since, though this machine may have outlasted it by now. */
    const reserveLate = (came: number) => store.reserveTry('run', came);

    it('is free for 5, then waits 1, 2, 4 … 900 seconds, and never closes', async () => {
      for (let number = 1; number <= 5; number += 1) expect(taken(await reserve()).count).toBe(number);

      for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]) {
        const wait = seconds * 1000;
        const came = performance.now();
        taken(await reserve());
        const left = waitOf(await world.second.reserveTry('run', came));
        expect(left).toBeLessThanOrEqual(wait);
        expect(left).toBeGreaterThan(wait - Math.min(SLACK, wait));
        await world.age(left - 1);
        await world.age(1);
      }
      expect(taken(await reserve()).count).toBe(19);
    });

    it('refuses until the very end of a wait', async () => {
      await times(8, async () => {
        const outcome = await reserve();
        await world.age(4000);
        return outcome;
      });
      taken(await reserve());
      const came = performance.now();
      const left = waitOf(await reserve());
      expect(left).toBeGreaterThan(8000 - SLACK);
      await world.age(left - 2000);
      expect(waitOf(await reserveLate(came))).toBeLessThanOrEqual(2000);
    });

    it('lets 6 of 200 through at once, through two processes', async () => {
      const began = performance.now();
      expect(await atOnce(200, (one) => one.reserveTry('run', began))).toBe(6);
    });

    it('lets one of 200 through when a wait ends', async () => {
      for (let number = 1; number <= 12; number += 1) {
        taken(await reserve());
        await world.age(64_000);
      }
      const began = performance.now();
      expect(await atOnce(200, (one) => one.reserveTry('run', began))).toBe(1);
    });

    it('refuses what came during a wait, also when the wait is over by now', async () => {
      await times(5, reserve);
      // The wait of the 6th begins after this moment and has ended at most 500 ms before it once it has aged.
      const late = performance.now() - 800;
      taken(await reserve());
      await world.age(1500);
      expect(waitOf(await store.reserveTry('run', late))).toBe(1);
      const later = performance.now() - 200;
      expect(taken(await store.reserveTry('run', later)).count).toBe(7);
    });

    it('goes on after its longest wait and is forgotten after 15 minutes of quiet', async () => {
      for (let number = 1; number <= 17; number += 1) {
        taken(await reserve());
        await world.age(QUARTER - SLACK);
        if (number > 15) await world.age(SLACK);
      }
      expect(taken(await reserve()).count).toBe(18);
      await world.age(2 * QUARTER);
      expect(taken(await reserve()).count).toBe(1);
    });

    it('forgets free tries 15 minutes after the last of them', async () => {
      await times(4, reserve);
      await world.age(QUARTER - SLACK);
      expect(taken(await reserve()).count).toBe(5);
      await world.age(QUARTER - SLACK);
      expect(taken(await reserve()).count).toBe(6);
      await world.age(QUARTER + 1000);
      expect(taken(await reserve()).count).toBe(1);
    });

    it('lives 30 minutes at most', async () => {
      for (let number = 1; number <= 20; number += 1) {
        taken(await reserve());
        const { run: lifetime } = await world.lifetimes();
        const wait = number > 5 ? Math.min(1000 * 2 ** (number - 6), QUARTER) : 0;
        expect(lifetime).toBeLessThanOrEqual(QUARTER + wait);
        expect(lifetime).toBeGreaterThan(QUARTER + wait - SLACK);
        await world.age(wait);
      }
    });

    it('gives a try back with its wait', async () => {
      await times(5, reserve);
      const { receipt } = taken(await reserve());
      await world.second.giveBackTry('run', receipt);
      const came = performance.now();
      expect(taken(await reserve()).count).toBe(6);
      expect((await reserveLate(came)).taken).toBe(false);
    });

    it('keeps the wait that a later try has started', async () => {
      await times(5, reserve);
      const early = taken(await reserve());
      await world.age(1000);
      const came = performance.now();
      taken(await reserve());
      await store.giveBackTry('run', early.receipt);
      expect((await reserveLate(came)).taken).toBe(false);
      await world.age(2000);
      expect(taken(await reserve()).count).toBe(7);
    });

    it('gives a free try back without ending a wait', async () => {
      const free = taken(await reserve());
      const came = performance.now();
      await times(5, reserve);
      await store.giveBackTry('run', free.receipt);
      expect((await reserveLate(came)).taken).toBe(false);
    });

    it('counts as before when its only try is given back', async () => {
      const { receipt } = taken(await reserve());
      await store.giveBackTry('run', receipt);
      expect(taken(await reserve()).count).toBe(1);
    });

    it('is over when it was cleared, and giving back makes no key', async () => {
      await times(5, reserve);
      const { receipt } = taken(await reserve());
      await world.second.clear('run');
      await store.giveBackTry('run', receipt);
      expect(await world.lifetimes()).toEqual({});
      expect(taken(await reserve()).count).toBe(1);
    });
  });

  it('keeps nothing for ever', async () => {
    await store.take('window', { limit: 1, windowMs: MINUTE });
    await store.take('window', { limit: 1, windowMs: MINUTE });
    await store.reserveTry('run', performance.now());
    const lifetimes = Object.values(await world.lifetimes());
    expect(lifetimes).toHaveLength(2);
    for (const left of lifetimes) {
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(2 * QUARTER);
    }
  });
});
