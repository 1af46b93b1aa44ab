import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { Pool } from 'pg';
import { Counter, Gauge, Registry, collectDefaultMetrics, type MetricConfiguration } from 'prom-client';
import type { DataSource } from 'typeorm';
import { LoginOutcomes } from '../auth/login-outcomes.js';
import { TruthService } from '../authority/truth.service.js';
import { Config } from '../config/config.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { RedisService } from '../redis/redis.service.js';
import { NearCache } from '../sessions/near-cache.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { measureRequests } from './request-metrics.js';

/** One value and its labels. */
type Sample<L extends string> = readonly [labels: Record<L, string>, value: number];

/** What several processes make of one gauge. */
type Together = MetricConfiguration<string>['aggregator'];

/**
 * Everything that this process tells of itself, as Prometheus asks for it: what the services count anyway is read when
 * it is asked for, so that a call costs an increment. To be called before the application is initialised.
 */
export function createMetrics(app: NestFastifyApplication): Registry {
  const registry = new Registry();
  // The heap, the collector, CPU, descriptors, and how late the event loop is.
  collectDefaultMetrics({ register: registry });
  // Of several processes the one that is latest: a mean would hide it.
  for (const metric of registry.getMetricsAsArray()) {
    if (metric.name.startsWith('nodejs_eventloop_lag')) Object.assign(metric, { aggregator: 'max' satisfies Together });
  }
  measureRequests(app, registry);
  measureLogins(app, registry);
  measureHashes(app, registry);
  measureDependencies(app, registry);
  return registry;
}

function measureLogins(app: NestFastifyApplication, registry: Registry): void {
  const sessions = app.get(SessionsService, { strict: false });
  const outcomes = app.get(LoginOutcomes, { strict: false });
  counter(
    registry,
    'postern_session_checks_total',
    'Sessions shown, by who decided; refused: it was none',
    ['by'],
    () => Object.entries(sessions.checks).map(([by, count]) => [{ by }, count]),
  );
  counter(registry, 'postern_logins_total', 'Logins, by mode and how they ended', ['mode', 'outcome'], () =>
    [...outcomes].map(({ mode, outcome, count }) => [{ mode, outcome }, count]),
  );
}

function measureHashes(app: NestFastifyApplication, registry: Registry): void {
  const hasher = app.get(PasswordHasher, { strict: false });
  counter(registry, 'postern_hashes_total', 'Password hashes that a thread has begun', [], () => [
    [{}, hasher.calls.started],
  ]);
  gauge(registry, 'postern_hashes_running', 'Password hashes on a thread', [], 'sum', () => [
    [{}, hasher.calls.started - hasher.calls.finished],
  ]);
  gauge(registry, 'postern_hashes_waiting', 'Password hashes in the queue, by lane', ['lane'], 'sum', () =>
    (['first', 'second'] as const).map((lane) => [{ lane }, hasher.waiting(lane)]),
  );
}

function measureDependencies(app: NestFastifyApplication, registry: Registry): void {
  const truth = app.get(TruthService, { strict: false });
  const { webConcurrency } = app.get(Config, { strict: false });
  const dataSource = app.get<DataSource>(getDataSourceToken(), { strict: false });
  const pool = (dataSource.driver as unknown as { master: Pool }).master;
  gauge(registry, 'postern_postgres_connections', 'Connections of the pool, by what they do', ['state'], 'sum', () => [
    [{ state: 'idle' }, pool.idleCount],
    [{ state: 'used' }, pool.totalCount - pool.idleCount],
  ]);
  gauge(registry, 'postern_postgres_waiting', 'Requests that wait for a connection of the pool', [], 'sum', () => [
    [{}, pool.waitingCount],
  ]);
  const redis = app.get(RedisService, { strict: false });
  gauge(registry, 'postern_redis_memory_bytes', 'Of Redis; limit: its maxmemory, where it has one', ['of'], 'max', () =>
    Object.entries(redis.memory ?? {}).map(([of, bytes]) => [{ of }, bytes]),
  );
  const { records } = app.get(NearCache, { strict: false });
  gauge(registry, 'postern_near_cache_records', 'Sessions and copies in memory', [], 'sum', () => [[{}, records.size]]);
  gauge(registry, 'postern_processes', 'Processes that serve', [], 'sum', () => [[{}, 1]]);
  gauge(registry, 'postern_processes_wanted', 'Processes that should serve', [], 'max', () => [[{}, webConcurrency]]);
  gauge(registry, 'postern_ready', 'Processes that are ready', [], 'sum', () => [[{}, Number(truth.ready)]]);
  gauge(registry, 'postern_up', 'Whether it answered the last heartbeat', ['dependency'], 'min', () =>
    Object.entries(truth.dependencies).flatMap(([dependency, up]): Sample<'dependency'>[] =>
      up === null ? [] : [[{ dependency }, Number(up)]],
    ),
  );
  gauge(
    registry,
    'postern_lease_age_seconds',
    'Since Postgres and Redis were asked what the lease rests on',
    [],
    'max',
    () => (truth.leaseAgeSeconds === null ? [] : [[{}, truth.leaseAgeSeconds]]),
  );
}

function counter<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: L[],
  read: () => Sample<L>[],
): void {
  new Counter<L>({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, value] of read()) this.inc(labels as never, value);
    },
  });
}

function gauge<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: L[],
  aggregator: Together,
  read: () => Sample<L>[],
): void {
  new Gauge<L>({
    name,
    help,
    labelNames,
    aggregator,
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, value] of read()) this.set(labels as never, value);
    },
  });
}
