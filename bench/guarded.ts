import { peer, type Contender, type Running, type World } from './lib/contender.js';
import { costOf, load } from './lib/load.js';
import { barsOf } from './lib/plot.js';
import { postern } from './lib/postern.js';
import { median, table } from './lib/table.js';

/** With the client as Postern has it: this is what it is measured by. */
const FLOOR_REDIS = 'Fastify, one Redis GET';
const FLOOR_MAP = 'Fastify, token in a Map';
const SHAPE = 'Nest, passport-custom, one Redis GET';
const OURS = 'Postern, strict';
const OURS_TRACKED = 'Postern, tracked';

/** The guarded call: the floors, Postern, and what users would pick instead. */
function contenders(world: World): Contender[] {
  return [
    peer(world, 'Fastify, no check', 'bare.mjs', { CHECK: 'none' }),
    peer(world, FLOOR_MAP, 'bare.mjs', { CHECK: 'map' }),
    peer(world, FLOOR_REDIS, 'bare.mjs', { CHECK: 'redis', TIMERS: 'off' }),
    peer(world, SHAPE, 'nest-fastify.mjs'),
    peer(world, 'Fastify, one Redis GET, client as it comes', 'bare.mjs', { CHECK: 'redis' }),
    postern(world, OURS),
    postern(world, OURS_TRACKED, { SESSION_CACHE: 'tracked' }),
    postern(world, 'Postern, sessions in Postgres', { SESSION_STORE: 'postgres' }),
    peer(world, '@fastify/session + Redis', 'fastify-session.mjs'),
    peer(world, 'express-session + connect-redis + passport', 'express-session.mjs'),
    peer(world, 'Nest + passport-jwt, user looked up', 'nest-passport-jwt.mjs'),
    peer(world, 'Nest + passport-jwt, no look-up', 'nest-passport-jwt.mjs', { LOOKUP: 'off' }),
    peer(world, 'Better Auth, sessions in Redis', 'better-auth.mjs', { COOKIE_CACHE: 'off', RATE_LIMIT: 'off' }),
    peer(world, 'Better Auth, cookie cache', 'better-auth.mjs', { COOKIE_CACHE: 'on', RATE_LIMIT: 'off' }),
  ];
}

/**
 * CPU of the server's process per guarded call. All contenders take turns, in another order each round.
 */
export async function guarded(world: World, { rounds, seconds }: { rounds: number; seconds: number }) {
  const started: { name: string; server: Running; micros: number[]; perSecond: number[] }[] = [];
  try {
    for (const { name, start } of contenders(world)) {
      started.push({ name, server: await start(), micros: [], perSecond: [] });
    }
    for (const { server } of started) await warmUp(server, 3 * seconds);
    for (let round = 0; round < rounds; round += 1) {
      for (const entry of shuffled(started)) {
        // It has stood idle for a minute, in which V8 may have thrown compiled code away.
        await warmUp(entry.server, seconds);
        const { micros, perSecond } = await costOf(entry.server, entry.server.told, { connections: 32, seconds });
        entry.micros.push(micros);
        entry.perSecond.push(perSecond);
      }
    }
  } finally {
    await Promise.all(started.map(({ server }) => server.stop()));
  }
  return report(started.map(({ name, micros, perSecond }) => ({ name, micros, perSecond: median(perSecond) })));
}

/** Until everything that a call runs is compiled at its best, and the compilers, whose time counts too, are done. */
async function warmUp({ url, told }: Running, seconds: number): Promise<void> {
  await load(url, told, { connections: 32, seconds });
}

interface Result {
  readonly name: string;
  readonly micros: readonly number[];
  readonly perSecond: number;
}

function report(results: readonly Result[]) {
  const of = (name: string) => median(results.find((result) => result.name === name)!.micros);
  const sorted = results.toSorted((a, b) => median(a.micros) - median(b.micros));
  const rows = sorted.map(({ name, micros, perSecond }) => {
    const middle = median(micros);
    const range = `${Math.round(Math.min(...micros))}–${Math.round(Math.max(...micros))}`;
    return [name, middle, range, (middle / of(FLOOR_REDIS)).toFixed(2), (middle / of(OURS)).toFixed(2), perSecond];
  });
  const head = ['', 'µs CPU', 'lowest–highest', `of "${FLOOR_REDIS}"`, 'of Postern, strict', 'calls/s'];
  return {
    table: table(head, rows),
    plot: barsOf(
      'CPU per guarded call (logarithmic)',
      'µs',
      sorted.map(({ name, micros }) => ({ label: name, value: median(micros), ours: name.startsWith('Postern') })),
    ),
    line: `guarded call: strict ${(of(OURS) / of(FLOOR_REDIS)).toFixed(2)} of Fastify + Redis GET (goal 1.25; its shape alone, Nest and passport-custom, ${(of(SHAPE) / of(FLOOR_REDIS)).toFixed(2)}), tracked ${(of(OURS_TRACKED) / of(FLOOR_MAP)).toFixed(2)} of Fastify + Map (goal 1.5)`,
  };
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
