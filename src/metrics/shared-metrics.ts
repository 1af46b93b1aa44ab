import type { Worker } from 'node:cluster';
import { AggregatorRegistry, type Registry } from 'prom-client';

/** Whoever takes longer is left out of the answer, in ms. */
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

/** In the first one: what those processes have counted, as if it were one; who does not answer is left out. */
export async function sharedMetrics(workers: readonly Worker[]): Promise<string> {
  const answers = await Promise.all(workers.map(ask));
  const counted = answers.filter((answer) => answer !== null);
  return AggregatorRegistry.aggregate(counted as never).metrics();
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
