import { Body, Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { AnyUser, CurrentUser, Fresh, Roles, SessionOnly } from '../access/decorators.js';
import type { Principal } from '../access/principal.js';
import { ApiProblems } from '../common/api-problems.js';
import type { PageQuery } from '../common/paging.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { TokenIdParam, UseridParam } from '../http/id-params.js';
import {
  ApitokenPage,
  CreateApitokenRequest,
  CreatedApitokenResponse,
  ListApitokensQuery,
  toApitokenPage,
  toCreatedApitokenResponse,
} from './apitokens.dto.js';
import { ApitokensService } from './apitokens.service.js';

@ApiTags('Apitokens')
@Controller('v1/users')
@SessionOnly()
export class ApitokensController {
  constructor(private readonly apitokens: ApitokensService) {}

  @Get('me/apitokens')
  @AnyUser()
  @ApiOperation({ summary: 'My apitokens' })
  @ApiResponse({ status: 200, description: 'Newest first, without their secrets', standardSchema: ApitokenPage })
  @ApiProblems('unauthenticated', 'forbidden', 'invalid_request')
  async list(@CurrentUser() user: Principal, @Query({ schema: ListApitokensQuery }) page: PageQuery) {
    return toApitokenPage(await this.apitokens.list(user.userid, page));
  }

  @Post('me/apitokens')
  @AnyUser()
  @Fresh()
  @ApiOperation({ summary: 'Make an apitoken of mine', description: 'For a second device or a script. At most 50.' })
  @ApiResponse({ status: 201, description: 'Shown once', standardSchema: CreatedApitokenResponse })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'invalid_request', 'too_many_apitokens')
  async create(
    @Body({ schema: CreateApitokenRequest }) body: CreateApitokenRequest,
    @CurrentUser() user: Principal,
    @Client() client: ClientInfo,
  ) {
    return toCreatedApitokenResponse(await this.apitokens.create(user.userid, body, user, client));
  }

  @Delete('me/apitokens/:id')
  @AnyUser()
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete an apitoken of mine' })
  @ApiNoContentResponse({ description: 'It opens nothing any more, and the sessions opened with it are over' })
  @ApiProblems('unauthenticated', 'forbidden', 'not_found')
  async delete(@TokenIdParam() id: string, @CurrentUser() user: Principal, @Client() client: ClientInfo) {
    await this.apitokens.delete(user.userid, id, user, client);
  }

  @Get(':userid/apitokens')
  @Roles('admin')
  @ApiOperation({ summary: 'The apitokens of a user' })
  @ApiResponse({ status: 200, description: 'Newest first, without their secrets', standardSchema: ApitokenPage })
  @ApiProblems('unauthenticated', 'forbidden', 'not_found', 'invalid_request')
  async listOf(@UseridParam() userid: string, @Query({ schema: ListApitokensQuery }) page: PageQuery) {
    return toApitokenPage(await this.apitokens.listOf(userid, page));
  }

  @Post(':userid/apitokens')
  @Roles('admin')
  @Fresh()
  @ApiOperation({
    summary: 'Make an apitoken for a user',
    description: 'Rotates the credential of an app: make the second, ship it, delete the first.',
  })
  @ApiResponse({ status: 201, description: 'Shown once', standardSchema: CreatedApitokenResponse })
  @ApiProblems(
    ...(['unauthenticated', 'forbidden', 'reauthentication_required'] as const),
    ...(['not_found', 'invalid_request', 'too_many_apitokens'] as const),
  )
  async createFor(
    @UseridParam() userid: string,
    @Body({ schema: CreateApitokenRequest }) body: CreateApitokenRequest,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
  ) {
    return toCreatedApitokenResponse(await this.apitokens.create(userid, body, admin, client));
  }

  @Delete(':userid/apitokens/:id')
  @Roles('admin')
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete an apitoken of a user' })
  @ApiNoContentResponse({ description: 'It opens nothing any more, and the sessions opened with it are over' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found')
  async deleteOf(
    @UseridParam() userid: string,
    @TokenIdParam() id: string,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
  ) {
    await this.apitokens.delete(userid, id, admin, client);
  }
}
