import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Initial1764000000000 implements MigrationInterface {
  name = 'Initial1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES.toReversed()) await runner.query(`DROP TABLE ${table}`);
  }
}

const TABLES = [
  'generation',
  'users',
  'roles',
  'user_roles',
  'areas',
  'area_users',
  'area_roles',
  'apitokens',
  'reset_codes',
  'session_ends',
  'sessions',
  'known_sources',
  'limits',
  'audit',
];

const UP = [
  // One row: which Redis and Postgres belong together, how long a process may trust them, everybody's epoch.
  `CREATE TABLE generation (
     single boolean PRIMARY KEY DEFAULT true CHECK (single),
     generation uuid NOT NULL,
     lineage text NOT NULL,
     lease_ms integer NOT NULL,
     store text NOT NULL CHECK (store IN ('redis', 'postgres')),
     world bigint NOT NULL DEFAULT 0
   )`,
  // A deleted user keeps the row: the name stays taken and the audit can still name it.
  `CREATE TABLE users (
     userid uuid PRIMARY KEY,
     username text NOT NULL UNIQUE,
     status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled', 'deleted')),
     password_hash text,
     epoch bigint NOT NULL DEFAULT 0,
     web_failures integer NOT NULL DEFAULT 0,
     created_at timestamptz NOT NULL DEFAULT now(),
     last_login_at timestamptz,
     deleted_at timestamptz
   )`,
  `CREATE INDEX users_newest ON users (created_at DESC, userid DESC) WHERE status <> 'deleted'`,
  `CREATE INDEX users_by_prefix ON users (username text_pattern_ops) WHERE status <> 'deleted'`,
  `CREATE TABLE roles (
     name text PRIMARY KEY,
     description text NOT NULL,
     built_in boolean NOT NULL DEFAULT false,
     created_at timestamptz NOT NULL DEFAULT now()
   )`,
  `INSERT INTO roles (name, description, built_in) VALUES
     ('user', 'Everybody', true),
     ('admin', 'Manages users, roles, private areas and app accounts', true),
     ('app', 'What a mobile app ships with: signs people up and can do hardly anything else', true)`,
  // Role user is everybody's and is not stored here.
  `CREATE TABLE user_roles (
     userid uuid NOT NULL REFERENCES users,
     role text NOT NULL REFERENCES roles CHECK (role <> 'user'),
     created_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (userid, role)
   )`,
  `CREATE INDEX user_roles_by_role ON user_roles (role, userid)`,
  `CREATE TABLE areas (
     name text PRIMARY KEY,
     description text NOT NULL,
     created_at timestamptz NOT NULL DEFAULT now()
   )`,
  `CREATE TABLE area_users (
     area text NOT NULL REFERENCES areas ON DELETE CASCADE,
     userid uuid NOT NULL REFERENCES users,
     created_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (area, userid)
   )`,
  `CREATE INDEX area_users_by_user ON area_users (userid)`,
  `CREATE TABLE area_roles (
     area text NOT NULL REFERENCES areas ON DELETE CASCADE,
     role text NOT NULL REFERENCES roles,
     created_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (area, role)
   )`,
  `CREATE INDEX area_roles_by_role ON area_roles (role)`,
  `CREATE TABLE apitokens (
     id text PRIMARY KEY,
     userid uuid NOT NULL REFERENCES users,
     name text NOT NULL,
     secret_hash text NOT NULL,
     created_at timestamptz NOT NULL DEFAULT now(),
     expires_at timestamptz,
     last_used_at timestamptz
   )`,
  `CREATE INDEX apitokens_by_user ON apitokens (userid, created_at DESC, id DESC)`,
  `CREATE INDEX apitokens_expiring ON apitokens (expires_at) WHERE expires_at IS NOT NULL`,
  // One code a user: a new one voids the old.
  `CREATE TABLE reset_codes (
     userid uuid PRIMARY KEY REFERENCES users,
     id text NOT NULL UNIQUE,
     secret_hash text NOT NULL,
     created_at timestamptz NOT NULL DEFAULT now(),
     expires_at timestamptz NOT NULL
   )`,
  `CREATE INDEX reset_codes_expiring ON reset_codes (expires_at)`,
  // Why a session that Redis still holds, or holds again, is over.
  `CREATE TABLE session_ends (
     sid text PRIMARY KEY,
     userid uuid NOT NULL,
     kept_until timestamptz NOT NULL
   )`,
  `CREATE INDEX session_ends_expiring ON session_ends (kept_until)`,
  // The sessions themselves, where SESSION_STORE is postgres.
  `CREATE TABLE sessions (
     sid text PRIMARY KEY,
     userid uuid NOT NULL,
     secret_hash text NOT NULL,
     mode text NOT NULL CHECK (mode IN ('token', 'web')),
     epoch text NOT NULL,
     apitoken_id text,
     auth_time timestamptz NOT NULL,
     created_at timestamptz NOT NULL,
     last_seen_at timestamptz NOT NULL,
     expires_at timestamptz NOT NULL,
     absolute_end timestamptz NOT NULL,
     idle_ms bigint NOT NULL,
     ip text NOT NULL,
     user_agent text NOT NULL,
     device_name text
   )`,
  `CREATE INDEX sessions_by_user ON sessions (userid, created_at DESC, sid DESC)`,
  `CREATE INDEX sessions_expiring ON sessions (expires_at)`,
  // From where a user logged in within 30 days: strangers' wrong passwords do not slow these down.
  `CREATE TABLE known_sources (
     userid uuid NOT NULL REFERENCES users,
     source text NOT NULL,
     last_login_at timestamptz NOT NULL DEFAULT now(),
     web_failures integer NOT NULL DEFAULT 0,
     PRIMARY KEY (userid, source)
   )`,
  `CREATE INDEX known_sources_by_age ON known_sources (last_login_at)`,
  // Counters of the limits, where SESSION_STORE is postgres.
  `CREATE TABLE limits (
     key text PRIMARY KEY,
     count integer NOT NULL,
     wait_until timestamptz,
     expires_at timestamptz NOT NULL
   )`,
  `CREATE INDEX limits_expiring ON limits (expires_at)`,
  // Append-only; the count of a row of failed logins is the one thing that grows, within its minute.
  `CREATE TABLE audit (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     at timestamptz NOT NULL DEFAULT now(),
     action text NOT NULL,
     actor uuid,
     target uuid,
     ip text,
     request_id text,
     detail jsonb NOT NULL DEFAULT '{}',
     failure_key text UNIQUE
   )`,
  `CREATE INDEX audit_newest ON audit (at DESC, id DESC)`,
  `CREATE INDEX audit_by_actor ON audit (actor, at DESC, id DESC) WHERE actor IS NOT NULL`,
  `CREATE INDEX audit_by_target ON audit (target, at DESC, id DESC) WHERE target IS NOT NULL`,
  // How many an app account has signed up: among its rows are the logins of every phone.
  `CREATE INDEX audit_signups ON audit (actor, at) WHERE action = 'user.created'`,
  `CREATE INDEX audit_by_action ON audit (action, at DESC, id DESC)`,
];
