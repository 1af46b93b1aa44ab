import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Roles, SessionOnly } from '../access/decorators.js';
import { ApiProblems } from '../common/api-problems.js';
import { AuditPage, AuditQuery, toAuditPage } from './audit.dto.js';
import { AuditService } from './audit.service.js';

@ApiTags('Audit')
@Controller('v1/audit')
@Roles('admin')
@SessionOnly()
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  @ApiOperation({
    summary: 'What happened',
    description: 'Failed logins are one row per source, name and minute, with a count in `detail`.',
  })
  @ApiResponse({ status: 200, description: 'Newest first', standardSchema: AuditPage })
  @ApiProblems('unauthenticated', 'forbidden', 'invalid_request')
  async list(@Query({ schema: AuditQuery }) query: AuditQuery) {
    return toAuditPage(await this.audit.list(query));
  }
}
