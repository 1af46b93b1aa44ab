import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { CurrentUser, Fresh, Roles, SessionOnly } from '../access/decorators.js';
import type { Principal } from '../access/principal.js';
import { ApiProblems } from '../common/api-problems.js';
import type { PageQuery } from '../common/paging.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { UseridParam } from '../http/id-params.js';
import {
  AreaPage,
  AreaResponse,
  CreateAreaRequest,
  EnterableAreaPage,
  ListAreasQuery,
  toAreaPage,
  toAreaResponse,
  toEnterableAreaPage,
} from './areas.dto.js';
import { AreasService } from './areas.service.js';

@ApiTags('Areas')
@Controller('v1')
@Roles('admin')
@SessionOnly()
export class AreasController {
  constructor(private readonly areas: AreasService) {}

  @Get('areas')
  @ApiOperation({ summary: 'The private areas there are' })
  @ApiResponse({ status: 200, description: 'A to z', standardSchema: AreaPage })
  @ApiProblems('unauthenticated', 'forbidden', 'invalid_request')
  async list(@Query({ schema: ListAreasQuery }) page: PageQuery) {
    return toAreaPage(await this.areas.list(page));
  }

  @Post('areas')
  @Fresh()
  @ApiOperation({ summary: 'Make a private area', description: 'Nobody may enter it yet, admins neither.' })
  @ApiResponse({ status: 201, description: 'The area', standardSchema: AreaResponse })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'invalid_request', 'area_exists')
  async create(
    @Body({ schema: CreateAreaRequest }) body: CreateAreaRequest,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
  ) {
    return toAreaResponse(await this.areas.create(body, admin, client));
  }

  @Get('areas/:name')
  @ApiOperation({ summary: 'One private area' })
  @ApiResponse({ status: 200, description: 'The area', standardSchema: AreaResponse })
  @ApiProblems('unauthenticated', 'forbidden', 'not_found')
  async find(@Param('name') name: string) {
    return toAreaResponse(await this.areas.findOrFail(name));
  }

  @Delete('areas/:name')
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a private area with its lists' })
  @ApiNoContentResponse({ description: 'It is gone, and nobody may enter it' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found')
  async delete(@Param('name') name: string, @CurrentUser() admin: Principal, @Client() client: ClientInfo) {
    await this.areas.delete(name, admin, client);
  }

  @Get('users/:userid/areas')
  @ApiOperation({ summary: 'The areas that a user may enter, and by what' })
  @ApiResponse({ status: 200, description: 'A to z', standardSchema: EnterableAreaPage })
  @ApiProblems('unauthenticated', 'forbidden', 'not_found', 'invalid_request')
  async listFor(@UseridParam() userid: string, @Query({ schema: ListAreasQuery }) page: PageQuery) {
    return toEnterableAreaPage(await this.areas.listFor(userid, page));
  }
}
