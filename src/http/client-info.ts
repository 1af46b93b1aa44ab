import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { sourceAddress } from './source-address.js';

/** What a session or an audit row remembers of the request it came with. */
export interface ClientInfo {
  readonly ip: string;
  readonly requestId: string;
  /** Cut at 200 characters; empty where none was sent. */
  readonly userAgent: string;
}

export function clientInfo(request: FastifyRequest): ClientInfo {
  return {
    ip: sourceAddress(request),
    requestId: request.id,
    userAgent: (request.headers['user-agent'] ?? '').toWellFormed().slice(0, 200).toWellFormed(),
  };
}

/** The `ClientInfo` of the call, as a handler's parameter. */
export const Client = createParamDecorator((_data: unknown, context: ExecutionContext): ClientInfo =>
  clientInfo(context.switchToHttp().getRequest<FastifyRequest>()),
);
