import { attack, countsOf, successesPerSecond, type Attack, type Attacked } from './lib/attack.js';
import { peer, type Running, type World } from './lib/contender.js';
import { pacedLoad, type Paced } from './lib/load.js';
import { loginRequest, startPostern, type Account } from './lib/postern.js';
import { freePort } from '../test/support/ports.js';
import { table } from './lib/table.js';

const ATTACKERS = 50;
/** Guarded calls per second, sent when they are due whatever became of the ones before. */
const RATE = 200;
const SOURCES = 200;
/** Seconds. */
const WARM_UP = 4;

interface Result {
  readonly name: string;
  readonly quiet: Paced;
  readonly flooded: Paced;
  readonly attack: Attacked;
  /** Hashes made meanwhile, where the server counts them. */
  readonly hashes?: number;
}

/** How long a guarded call takes while 50 attackers send logins as fast as they are answered. */
export async function flood(world: World, { seconds }: { seconds: number }) {
  const results: Result[] = [];
  const metricsPort = await freePort();
  await withServer(startPostern(world, { METRICS_PORT: `${metricsPort}` }), async (server) => {
    const accounts = await server.accounts(SOURCES);
    const quiet = await quietCalls(server, seconds);
    for (const [name, requests] of Object.entries(attacks(accounts))) {
      const before = await hashesMade(metricsPort);
      const result = await flooded(server, requests, seconds);
      const hashes = (await hashesMade(metricsPort)) - before;
      results.push({ name: `Postern: ${name}`, quiet, ...result, hashes });
    }
  });
  for (const { name, start } of peers(world)) {
    await withServer(start(), async (server) => {
      const quiet = await quietCalls(server, seconds);
      // As a proxy passes them on: those that count by address have as many to count as Postern has.
      const logins = Array.from({ length: SOURCES }, (_, at) => from(at, server.told.login!));
      results.push({ name, quiet, ...(await flooded(server, logins, seconds)) });
    });
  }
  const web = await besideTheWeb(world, seconds);
  return { ...report(results), line: `${report(results).line}; ${web}` };
}

async function hashesMade(metricsPort: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return Number(/^postern_hashes_total (\d+)$/m.exec(text)![1]);
}

function peers(world: World) {
  return [
    peer(world, 'express-session + passport, PBKDF2', 'express-session.mjs'),
    peer(world, 'Nest + passport-jwt, bcrypt', 'nest-passport-jwt.mjs'),
    peer(world, 'Better Auth, scrypt, its rate limit on', 'better-auth.mjs'),
    peer(world, 'Better Auth, scrypt, its rate limit off', 'better-auth.mjs', { RATE_LIMIT: 'off' }),
  ];
}

function attacks(accounts: readonly Account[]) {
  const wrong = 'apt_00000000000040008000000000000000_' + 'A'.repeat(43);
  return {
    'right apitokens and passwords': accounts.map((account, at) => from(at, loginRequest(account))).slice(0, ATTACKERS),
    'right apitokens, wrong passwords': accounts
      .map((account, at) => from(at, loginRequest({ ...account, password: 'not the password of anybody' })))
      .slice(ATTACKERS),
    'no right apitoken, 200 sources': accounts.map((account, at) =>
      from(at, loginRequest({ ...account, apitoken: wrong })),
    ),
  };
}

/** The same request as the proxy passes it on from another source. */
function from<T extends { headers: object }>(at: number, request: T): T {
  return {
    ...request,
    headers: { ...request.headers, 'x-forwarded-for': `10.0.${Math.floor(at / 250)}.${(at % 250) + 1}` },
  };
}

async function flooded(server: Running, requests: Attack['requests'], seconds: number) {
  const running = attack(server.url, { requests, connections: ATTACKERS, seconds: seconds + 1 + WARM_UP });
  // The attackers are all there before the first call is measured, and the code that answers them is compiled.
  await new Promise((resolve) => setTimeout(resolve, WARM_UP * 1000));
  return { flooded: await calls(server, seconds), attack: await running };
}

function calls({ url, told }: Running, seconds: number): Promise<Paced> {
  return pacedLoad(url, told, { connections: 10, seconds, rate: RATE });
}

/** Of a server that has just started the slowest calls would be those that were the first. */
async function quietCalls(server: Running, seconds: number): Promise<Paced> {
  await calls(server, seconds);
  return calls(server, seconds);
}

/** Logins in token mode while web logins come from 200 sources, as a share of the quiet ones. */
async function besideTheWeb(world: World, seconds: number): Promise<string> {
  const server = await startPostern(world);
  try {
    const tokens = (await server.accounts(60)).map(loginRequest);
    const web = (await server.accounts(SOURCES)).map(({ username }, at) =>
      from(at, {
        path: '/v1/auth/web/login',
        headers: { 'sec-fetch-site': 'same-origin' },
        body: { username, password: 'not the password of anybody' },
      }),
    );
    const job = { requests: tokens, connections: 8, seconds };
    const quiet = await attack(server.url, job);
    const other = attack(server.url, { requests: web, connections: ATTACKERS, seconds: seconds + 1 });
    const beside = await attack(server.url, job);
    const share = successesPerSecond(beside) / successesPerSecond(quiet);
    return `token logins beside a flood of web logins: ${(share * 100).toFixed(0)} % of the quiet ones (web: ${countsOf(await other)})`;
  } finally {
    await server.stop();
  }
}

async function withServer<T extends Running>(starting: Promise<T>, work: (server: T) => Promise<void>): Promise<void> {
  const server = await starting;
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

function report(results: readonly Result[]) {
  const rows = results.map(({ name, quiet, flooded, attack, hashes }) => [
    name,
    quiet.p99,
    flooded.p99,
    (flooded.p99 / quiet.p99).toFixed(1),
    String(flooded.failed),
    countsOf(attack),
    hashes ?? '',
  ]);
  const worst = Math.max(
    ...results.filter(({ name }) => name.startsWith('Postern')).map((r) => r.flooded.p99 / r.quiet.p99),
  );
  return {
    table: table(
      ['', 'p99 quiet, ms', 'p99 flooded, ms', 'ratio', 'calls failed', 'answers to the flood', 'hashes'],
      rows,
    ),
    line: `guarded call under a login flood: p99 at most ${worst.toFixed(1)} × the quiet one (goal 2)`,
  };
}
