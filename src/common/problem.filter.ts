import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { answerError } from '../http/send-problem.js';

/** The one exception filter: everything thrown under Nest leaves as `application/problem+json`. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    answerError(error, host.switchToHttp().getResponse<FastifyReply>());
  }
}
