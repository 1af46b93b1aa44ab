/** @fastify/session with its sessions in Redis through connect-redis, as its documentation has it. */
import cookie from '@fastify/cookie';
import session from '@fastify/session';
import { RedisStore } from 'connect-redis';
import Fastify from 'fastify';
import { cookies, PORT, post, ready, redis, USER } from './peer.mjs';

// Behind a proxy that speaks TLS, or no cookie that is `secure` would be set.
const app = Fastify({ trustProxy: '127.0.0.1' });
await app.register(cookie);
await app.register(session, {
  secret: 'a secret with a length of at least 32 characters',
  store: new RedisStore({ client: await redis() }),
  saveUninitialized: false,
  cookie: { secure: true, httpOnly: true, sameSite: 'strict', maxAge: 3_600_000 },
});

app.post('/login', (request, reply) => {
  request.session.user = { userid: 'a1', username: request.body.username };
  return reply.code(204).send();
});
app.get('/check', (request, reply) => {
  const { user } = request.session;
  if (user === undefined) return reply.code(401).send();
  return reply.header('x-auth-user-id', user.userid).code(204).send();
});
await app.listen({ port: PORT, host: '127.0.0.1' });

const https = { 'x-forwarded-proto': 'https' };
ready({ path: '/check', headers: { ...https, cookie: cookies(await post('/login', USER, https)) } });
