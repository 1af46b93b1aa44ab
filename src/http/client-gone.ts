import type { Socket } from 'node:net';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** One signal a connection, however many requests come over it: each listener would stay as long as the connection. */
const signals = new WeakMap<Socket, AbortSignal>();

/** Fires when the client hangs up, so that a request of its gives back its place in a queue. */
export function clientGone(request: FastifyRequest): AbortSignal {
  const { socket } = request.raw;
  const known = signals.get(socket);
  if (known !== undefined) return known;
  const gone = new AbortController();
  signals.set(socket, gone.signal);
  if (socket.destroyed) gone.abort();
  else socket.once('close', () => gone.abort());
  return gone.signal;
}

/** The signal of `clientGone`, as a handler's parameter. */
export const ClientGone = createParamDecorator((_data: unknown, context: ExecutionContext): AbortSignal =>
  clientGone(context.switchToHttp().getRequest<FastifyRequest>()),
);
