import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Fires when the client hangs up before it was answered, so that it gives back its place in a queue. */
export function clientGone(request: FastifyRequest): AbortSignal {
  const gone = new AbortController();
  const socket = request.raw.socket;
  const onClose = () => gone.abort();
  socket.once('close', onClose);
  request.raw.once('close', () => socket.removeListener('close', onClose));
  return gone.signal;
}

/** The signal of `clientGone`, as a handler's parameter. */
export const ClientGone = createParamDecorator((_data: unknown, context: ExecutionContext): AbortSignal =>
  clientGone(context.switchToHttp().getRequest<FastifyRequest>()),
);
