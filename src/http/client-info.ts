import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { sourceAddress } from './source-address.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** When its headers were in, on the clock of `performance.now()`; set by the front door. */
    arrivedAt: number;
  }
}

/** What limits, sessions and the audit know of a request. */
export interface ClientInfo {
  readonly ip: string;
  readonly requestId: string;
  /** Cut at 200 characters; empty where none was sent. */
  readonly userAgent: string;
  /** On the clock of `performance.now()`. */
  readonly arrivedAt: number;
}

export function clientInfo(request: FastifyRequest): ClientInfo {
  return {
    ip: sourceAddress(request),
    requestId: request.id,
    userAgent: (request.headers['user-agent'] ?? '').toWellFormed().slice(0, 200).toWellFormed(),
    arrivedAt: request.arrivedAt,
  };
}

/** The `ClientInfo` of the call, as a handler's parameter. */
export const Client = createParamDecorator((_data: unknown, context: ExecutionContext): ClientInfo =>
  clientInfo(context.switchToHttp().getRequest<FastifyRequest>()),
);
