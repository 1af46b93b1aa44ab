import { Controller, Get, HttpCode } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { AnyUser, PrivateArea } from '../access/decorators.js';
import { ApiProblems } from '../common/api-problems.js';

/** What a private area looks like from inside: the guard has decided before a handler runs. */
@ApiTags('Areas')
@Controller('v1/areas/:name/access')
export class AreaAccessController {
  @Get()
  @AnyUser()
  @PrivateArea(':name')
  @HttpCode(204)
  @ApiOperation({
    summary: 'May I enter this private area?',
    description: 'An area that does not exist answers 403 as well.',
  })
  @ApiParam({ name: 'name', type: String, example: 'reports' })
  @ApiNoContentResponse({ description: 'Yes' })
  @ApiProblems('unauthenticated', 'forbidden')
  access(): void {}
}
