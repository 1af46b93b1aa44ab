/**
 * Better Auth with users in Postgres and sessions in Redis as its secondary storage; its cookie cache where
 * COOKIE_CACHE=on. Its rate limit is on, as it is in production by itself, unless RATE_LIMIT=off: the guarded calls that
 * are measured all come from one address.
 */
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node';
import { username } from 'better-auth/plugins';
import Fastify from 'fastify';
import pg from 'pg';
import { cookies, DATABASE_URL, PORT, post, ready, redis, USER } from './peer.mjs';

const client = await redis();
const baseURL = `http://127.0.0.1:${PORT}`;
const options = {
  baseURL,
  secret: 'keys are made at random where this is run in earnest',
  telemetry: { enabled: false },
  database: new pg.Pool({ connectionString: DATABASE_URL }),
  emailAndPassword: { enabled: true },
  plugins: [username()],
  rateLimit: { enabled: process.env.RATE_LIMIT !== 'off' },
  advanced: { useSecureCookies: true },
  session: process.env.COOKIE_CACHE === 'on' ? { cookieCache: { enabled: true, maxAge: 3600 } } : {},
  secondaryStorage: {
    get: (key) => client.get(key),
    getAndDelete: (key) => client.getDel(key),
    set: (key, value, ttl) => (ttl ? client.set(key, value, { EX: ttl }) : client.set(key, value)),
    delete: (key) => client.del(key).then(() => undefined),
    increment: async (key, ttl) => {
      const count = await client.incr(key);
      if (count === 1) await client.expire(key, ttl);
      return count;
    },
  },
};
await (await getMigrations(options)).runMigrations();
const auth = betterAuth(options);

const app = Fastify();
const handler = toNodeHandler(auth);
app.removeAllContentTypeParsers();
app.addContentTypeParser('application/json', (_request, payload, done) => done(null, payload));
app.all('/api/auth/*', (request, reply) => {
  reply.hijack();
  return handler(request.raw, reply.raw);
});
app.get('/check', async (request, reply) => {
  const found = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
  if (found === null) return reply.code(401).send();
  return reply.header('x-auth-user-id', found.user.id).code(204).send();
});
await app.listen({ port: PORT, host: '127.0.0.1' });

// Its limits count by address.
const origin = { origin: baseURL, 'x-forwarded-for': '10.9.9.9' };
await post('/api/auth/sign-up/email', { ...USER, email: 'measured@example.test', name: USER.username }, origin);
const login = { path: '/api/auth/sign-in/username', headers: origin, body: USER };
ready({ path: '/check', headers: { cookie: cookies(await post(login.path, USER, origin)) }, login });
