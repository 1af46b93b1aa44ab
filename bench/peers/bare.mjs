/**
 * The floors: Fastify with no check, with the token in a Map, and with one Redis GET. `CHECK` says which. `TIMERS=off`
 * leaves out the timer that node-redis sets for every command, as Postern does.
 */
import Fastify from 'fastify';
import { PORT, ready, redis } from './peer.mjs';

const token = 'f'.repeat(64);
const session = JSON.stringify({ userid: 'a1', username: 'measured', until: Date.now() + 3_600_000 });
const app = Fastify();

const checks = {
  none: () => (_request, reply) => answer(reply, { userid: 'a1' }),
  map: () => {
    const sessions = new Map([[token, JSON.parse(session)]]);
    return (request, reply) => answer(reply, sessions.get(request.headers.authorization?.slice(7)));
  },
  redis: async () => {
    const client = await redis(process.env.TIMERS === 'off' ? { timeout: 0 } : undefined);
    await client.set(`session:${token}`, session);
    return async (request, reply) => {
      const value = await client.get(`session:${request.headers.authorization?.slice(7)}`);
      return answer(reply, value === null ? undefined : JSON.parse(value));
    };
  },
};

function answer(reply, found) {
  if (found === undefined || found.until < Date.now()) return reply.code(401).send();
  return reply.header('x-auth-user-id', found.userid).code(204).send();
}

app.get('/check', await checks[process.env.CHECK]());
await app.listen({ port: PORT, host: '127.0.0.1' });
ready({ path: '/check', headers: { authorization: `Bearer ${token}` } });
