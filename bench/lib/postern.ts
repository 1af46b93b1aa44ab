import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { formatToken, hashSecret, makeToken } from '../../src/common/secret-token.js';
import { eventually } from '../../test/support/barrier.js';
import { FIRST_ADMIN, FIRST_APP } from '../../test/support/first-accounts.js';
import { freePort } from '../../test/support/ports.js';
import { running, startNode, type Contender, type Request, type Running, type World } from './contender.js';

const MAIN = join(import.meta.dirname, '../../dist/main.js');

/** A user that can log in. */
export interface Account {
  readonly userid: string;
  readonly username: string;
  readonly password: string;
  readonly apitoken: string;
}

export interface RunningPostern extends Running {
  readonly databaseUrl: string;
  /** Makes accounts in bulk, all with the same password, as fast as Postgres takes them. */
  accounts(count: number): Promise<Account[]>;
  /** Logs in and gives the headers of the next calls. */
  login(account: Omit<Account, 'userid'>): Promise<Record<string, string>>;
}

/** Postern as in production: built, its own configuration, sessions in Redis unless told otherwise. */
export function postern(world: World, name: string, env: Record<string, string> = {}): Contender {
  return { name, start: () => startPostern(world, env) };
}

/** The same, with what the other scenarios need of it. */
export async function startPostern(world: World, env: Record<string, string> = {}): Promise<RunningPostern> {
  const port = await freePort();
  const databaseUrl = await world.newMigratedDatabase();
  const child = startNode([MAIN], {
    NODE_ENV: 'production',
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    REDIS_URL: world.redisUrl,
    WEB_ORIGINS: 'https://bench.example.test',
    TRUST_PROXY: '127.0.0.1/32',
    DRAIN_SECONDS: '0',
    BOOTSTRAP_ADMIN_USERNAME: FIRST_ADMIN.username,
    BOOTSTRAP_ADMIN_PASSWORD: FIRST_ADMIN.password,
    BOOTSTRAP_ADMIN_APITOKEN: FIRST_ADMIN.apitoken,
    BOOTSTRAP_APP_USERNAME: FIRST_APP.username,
    BOOTSTRAP_APP_PASSWORD: FIRST_APP.password,
    BOOTSTRAP_APP_APITOKEN: FIRST_APP.apitoken,
    ...env,
  });
  let log = '';
  child.stdout!.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4000)));
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`Postern has ended: ${log}`);
    return (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200;
  }, 30_000);
  const login = (account: Omit<Account, 'userid'>) => logIn(url, account);
  const accounts = (count: number) => makeAccounts(databaseUrl, count);
  const [account] = await accounts(1);
  const request = { path: '/v1/auth/check', headers: await login(account!) };
  const told = { ...request, login: loginRequest(account!) };
  return { ...running(child, port, told), databaseUrl, accounts, login };
}

/** The login of an account, to be sent as it is. */
export function loginRequest({ username, password, apitoken }: Omit<Account, 'userid'>): Request & { body: unknown } {
  return { path: '/v1/auth/login', headers: {}, body: { username, password, apitoken } };
}

async function logIn(url: string, account: Omit<Account, 'userid'>): Promise<Record<string, string>> {
  const { path, body } = loginRequest(account);
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`login: ${answer.status} ${await answer.text()}`);
  const { userid, accesstoken } = (await answer.json()) as { userid: string; accesstoken: string };
  return { 'x-user-id': userid, authorization: `Bearer ${accesstoken}` };
}

/** All bear the first admin's password hash, so that none has to be made. */
async function makeAccounts(databaseUrl: string, count: number): Promise<Account[]> {
  const made = Array.from({ length: count }, () => {
    const token = makeToken();
    const userid = randomUUID();
    return { userid, username: `u${userid.replaceAll('-', '').slice(0, 24)}`, token };
  });
  const db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  await db.query(
    `INSERT INTO users (userid, username, password_hash)
     SELECT new.userid, new.username, admin.password_hash
     FROM unnest($1::uuid[], $2::text[]) AS new (userid, username), users AS admin WHERE admin.username = $3`,
    [made.map(({ userid }) => userid), made.map(({ username }) => username), FIRST_ADMIN.username],
  );
  await db.query(
    `INSERT INTO apitokens (id, userid, name, secret_hash)
     SELECT id, userid, 'bench', secret_hash FROM unnest($1::text[], $2::uuid[], $3::text[]) AS new (id, userid, secret_hash)`,
    [
      made.map(({ token }) => token.id),
      made.map(({ userid }) => userid),
      made.map(({ token }) => hashSecret(token.secret)),
    ],
  );
  await db.end();
  return made.map(({ userid, username, token }) => ({
    userid,
    username,
    password: FIRST_ADMIN.password,
    apitoken: formatToken('apt', token),
  }));
}
