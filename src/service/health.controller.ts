import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Public } from '../access/decorators.js';
import { TruthService } from '../authority/truth.service.js';
import { ApiProblems } from '../common/api-problems.js';
import { unavailable } from '../common/problem.js';
import { sendProblem } from '../http/send-problem.js';

const HealthResponse = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });

/** What a load balancer and a supervisor ask; neither route asks anybody anything. */
@ApiTags('Service')
@Controller()
@Public()
export class HealthController {
  constructor(private readonly truth: TruthService) {}

  @Get('livez')
  @ApiOperation({
    summary: 'Is the process alive?',
    description: 'Looks at nothing: a process whose database is away must not be restarted for it.',
  })
  @ApiResponse({ status: 200, description: 'The event loop runs', standardSchema: HealthResponse })
  live(): z.output<typeof HealthResponse> {
    return { status: 'ok' };
  }

  @Get('readyz')
  @ApiOperation({
    summary: 'May it be sent requests?',
    description: 'True while Postgres and Redis were confirmed within the lease, the schema fits and nothing drains.',
  })
  @ApiResponse({ status: 200, description: 'Ready', standardSchema: HealthResponse })
  @ApiProblems('unavailable')
  ready(@Res({ passthrough: true }) reply: FastifyReply): z.output<typeof HealthResponse> | undefined {
    if (this.truth.ready) return { status: 'ok' };
    // Sent and not thrown: asked four times a second, it would fill the log with what the heartbeat says once.
    sendProblem(reply, unavailable());
    return undefined;
  }
}
