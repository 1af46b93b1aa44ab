/**
 * Sends the same GET so many times a second, each when its time has come, whatever has become of the others:
 * `node pacer.mjs '<job>'`, where the job has `url`, `headers`, `connections`, `seconds` and `rate`. Prints how many failed
 * and, in ms, how long each took from when it was due.
 */
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const { url, headers, connections, seconds, rate } = JSON.parse(process.argv[2]);
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const latencies = [];
let failed = 0;

function call(due) {
  return new Promise((resolve) => {
    const over = (good) => {
      if (!good) failed += 1;
      latencies.push(performance.now() - due);
      resolve();
    };
    const sent = get(url, { agent, headers }, (answer) => {
      answer.resume().on('end', () => over(answer.statusCode < 300));
    });
    sent.on('error', () => over(false));
  });
}

const start = performance.now();
const calls = [];
for (let at = 0; at < rate * seconds; at += 1) {
  const due = start + (at * 1000) / rate;
  while (performance.now() < due) await sleep(due - performance.now());
  calls.push(call(due));
}
await Promise.all(calls);
agent.destroy();
console.log(JSON.stringify({ failed, latencies }));
