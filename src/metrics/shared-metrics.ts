import type { Worker } from 'node:cluster';
import { AggregatorRegistry, type Registry } from 'prom-client';

/** For whoever takes longer its last answer stands, in ms. */
const ANSWER_WITHIN_MS = 2000;

type Counted = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** The question, and under the same number the answer. */
interface Question {
  readonly metrics: number;
}
interface Answer extends Question {
  readonly counted: Counted;
}

let questions = 0;

/** What each process answered last. */
const last = new Map<Worker, Counted>();
/** What those that have gone had counted: a sum that falls would be a restart of all of them to Prometheus. */
let past: Counted = [];

/** In a process of several: tells the first one what `registry` holds, whenever it asks. */
export function tellMetrics(registry: Registry): void {
  process.on('message', (question: Partial<Question>) => {
    const { metrics } = question;
    if (metrics === undefined) return;
    void registry.getMetricsAsJSON().then((counted) => {
      if (process.connected) process.send?.({ metrics, counted } satisfies Answer);
    });
  });
}

/**
 * In the first one: what those processes have counted, as if it were one, and what those before them had counted when
 * they were last asked.
 */
export async function sharedMetrics(workers: readonly Worker[]): Promise<string> {
  const answers = await Promise.all(workers.map(async (worker) => ({ worker, counted: await ask(worker) })));
  for (const { worker, counted } of answers) if (counted !== null) last.set(worker, counted);
  for (const [worker, counted] of last) if (worker.isDead()) await bury(worker, counted);
  return AggregatorRegistry.aggregate([past, ...last.values()] as never).metrics();
}

/** A counter stays, a gauge goes. */
async function bury(worker: Worker, counted: Counted): Promise<void> {
  last.delete(worker);
  const counters = counted.filter(({ type }) => (type as unknown) !== 'gauge');
  past = await AggregatorRegistry.aggregate([past, counters] as never).getMetricsAsJSON();
}

function ask(worker: Worker): Promise<Counted | null> {
  const metrics = (questions += 1);
  return new Promise((resolve) => {
    const done = (counted: Counted | null) => {
      clearTimeout(timer);
      worker.off('message', onMessage);
      resolve(counted);
    };
    const onMessage = (answer: Partial<Answer>) => {
      if (answer.metrics === metrics) done(answer.counted!);
    };
    const timer = setTimeout(() => done(null), ANSWER_WITHIN_MS);
    worker.on('message', onMessage);
    if (worker.isConnected()) worker.send({ metrics } satisfies Question);
    else done(null);
  });
}
