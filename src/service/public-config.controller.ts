import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Public } from '../access/decorators.js';
import { Config } from '../config/config.js';

const PublicConfigResponse = z
  .object({
    webSignup: z.boolean().meta({ description: 'Whether POST /v1/auth/web/signup is open' }),
    passwordMinLength: z.int().meta({ description: 'The least length of a password, in code points', example: 15 }),
    basicAuth: z.boolean().meta({ description: 'Whether HTTP Basic is accepted' }),
  })
  .meta({ id: 'PublicConfig' });

/** What a page must know before the first error. */
@ApiTags('Service')
@Controller('v1/config')
@Public()
export class PublicConfigController {
  constructor(private readonly config: Config) {}

  @Get()
  @ApiOperation({ summary: 'What this installation allows' })
  @ApiResponse({ status: 200, description: 'Its settings', standardSchema: PublicConfigResponse })
  find(): z.output<typeof PublicConfigResponse> {
    const { webSignup, passwordMinLength, basicAuth } = this.config;
    return { webSignup: webSignup === 'open', passwordMinLength, basicAuth };
  }
}
