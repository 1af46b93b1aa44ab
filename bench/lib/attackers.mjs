/**
 * Sends requests in closed loops over kept connections and counts the answers: `node attackers.mjs '<job>'`, where
 * the job has `url`, `requests` ({ path, headers, body }), `connections` and `seconds`. Prints the counts by status.
 * It runs at the lowest priority, which is that of the hashing threads: attackers have machines of their own.
 */
import { Agent, request } from 'node:http';
import { setPriority } from 'node:os';

setPriority(19);
const { url, requests, connections, seconds } = JSON.parse(process.argv[2]);
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const end = performance.now() + seconds * 1000;
const counts = {};
const latencies = [];

function send({ path, headers, body }) {
  const text = JSON.stringify(body);
  const options = { method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers } };
  return new Promise((resolve) => {
    const sent = request(url + path, options, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode));
    });
    sent.on('error', () => resolve('error')).end(text);
  });
}

async function loop(at) {
  for (let turn = at; performance.now() < end; turn += connections) {
    const start = performance.now();
    const status = await send(requests[turn % requests.length]);
    counts[status] = (counts[status] ?? 0) + 1;
    if (status < 300) latencies.push(performance.now() - start);
  }
}

const start = performance.now();
await Promise.all(Array.from({ length: connections }, (_, at) => loop(at)));
agent.destroy();
console.log(JSON.stringify({ counts, latencies, seconds: (performance.now() - start) / 1000 }));
