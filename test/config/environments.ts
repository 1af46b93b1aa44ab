import { type Config } from '../../src/config/config.js';
import { ConfigError, loadConfig, type LoadOptions } from '../../src/config/env.js';

export type Env = Record<string, string | undefined>;

/** The least that production starts with. */
export const PRODUCTION: Env = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://postern:hZ4rPq8x@db.internal:5432/postern?sslmode=verify-full',
  REDIS_URL: 'rediss://postern:t7WmKc2v@redis.internal:6379',
  WEB_ORIGINS: 'https://app.acme.io',
};

export const SECRETS = [
  'DATABASE_URL',
  'REDIS_URL',
  'SECRET_KEY',
  'PASSWORD_PEPPER',
  'BOOTSTRAP_ADMIN_PASSWORD',
  'BOOTSTRAP_ADMIN_APITOKEN',
  'BOOTSTRAP_APP_PASSWORD',
  'BOOTSTRAP_APP_APITOKEN',
];

export const APITOKEN = 'apt_0f8b3c5d7e9a4b1c8d2e6f4a5b7c9d1e_Q2xvdWRzQXJlV2hpdGVPckdyZXlPclJlZE9yQmx1ZUQ';
export const PEPPER = 'p1:b9tT0hQ2vZs8mJc4xYw6rKf1nUe3gLa5iOd7pSq+H/0=';

/** A machine with two cores, whatever this one has. */
export function load(env: Env, options: LoadOptions = {}): Config {
  return loadConfig(env, { cores: 2, ...options });
}

/** The problems of an environment; none where it is accepted. */
export function problemsOf(env: Env, options: LoadOptions = {}): string[] {
  try {
    load(env, options);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** The names that the problems begin with, each once, sorted. */
export function blamed(env: Env, options: LoadOptions = {}): string[] {
  return [...new Set(problemsOf(env, options).map((problem) => problem.split(/[:,]/)[0]!))].sort();
}

/** The same environment in production. */
export function inProduction(env: Env): Env {
  return { ...PRODUCTION, ...env };
}
