import { Injectable, createParamDecorator, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../common/problem.js';
import type { ProvenLogin } from '../login.service.js';
import { ApitokenStrategy } from '../strategies/apitoken.strategy.js';

type LoginHttpRequest = FastifyRequest & { provenLogin?: ProvenLogin };

/** Lets in who proved username, password and apitoken; on the login route alone. */
@Injectable()
export class ApitokenGuard implements CanActivate {
  constructor(private readonly strategy: ApitokenStrategy) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<LoginHttpRequest>();
    const login = await this.strategy.authenticate(request, http.getResponse<FastifyReply>());
    if (login === null) throw new Problem('invalid_credentials');
    request.provenLogin = login;
    return true;
  }
}

/** The login that `ApitokenGuard` let in, as a handler's parameter. */
export const Proven = createParamDecorator((_data: unknown, context: ExecutionContext): ProvenLogin => {
  const login = context.switchToHttp().getRequest<LoginHttpRequest>().provenLogin;
  if (login === undefined) throw new Error('the route is not guarded by ApitokenGuard');
  return login;
});
