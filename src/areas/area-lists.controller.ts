import { Controller, Delete, Get, HttpCode, Param, Put, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { CurrentUser, Fresh, Roles, SessionOnly } from '../access/decorators.js';
import type { Principal } from '../access/principal.js';
import { ApiProblems } from '../common/api-problems.js';
import type { PageQuery } from '../common/paging.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { AreaListsService } from './area-lists.service.js';
import { AreaUsernamePage, ListAreaUsernamesQuery, toAreaUsernamePage } from './areas.dto.js';

@ApiTags('Areas')
@Controller('v1/areas/:name')
@Roles('admin')
@SessionOnly()
export class AreaListsController {
  constructor(private readonly lists: AreaListsService) {}

  @Get('usernames')
  @ApiOperation({ summary: 'Who may enter by username' })
  @ApiResponse({ status: 200, description: 'Usernames a to z', standardSchema: AreaUsernamePage })
  @ApiProblems('unauthenticated', 'forbidden', 'not_found', 'invalid_request')
  async usernames(@Param('name') name: string, @Query({ schema: ListAreaUsernamesQuery }) page: PageQuery) {
    return toAreaUsernamePage(await this.lists.usernames(name, page));
  }

  @Put('usernames/:username')
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'Let a user enter' })
  @ApiNoContentResponse({ description: 'The username is on the list' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found', 'role_conflict')
  async addUsername(
    @Param('name') name: string,
    @Param('username') username: string,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
  ) {
    await this.lists.addUsername(name, username, admin, client);
  }

  @Delete('usernames/:username')
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'Take a username off the list', description: 'The user may still enter by a role.' })
  @ApiNoContentResponse({ description: 'The username is not on the list' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found', 'role_conflict')
  async removeUsername(
    @Param('name') name: string,
    @Param('username') username: string,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
  ) {
    await this.lists.removeUsername(name, username, admin, client);
  }

  @Put('roles/:role')
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'Let everybody enter who holds a role', description: 'Role `user` is everybody.' })
  @ApiNoContentResponse({ description: 'The role is on the list' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found', 'role_conflict')
  async addRole(
    @Param('name') name: string,
    @Param('role') role: string,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
  ) {
    await this.lists.addRole(name, role, admin, client);
  }

  @Delete('roles/:role')
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'Take a role off the list' })
  @ApiNoContentResponse({ description: 'The role is not on the list' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found', 'role_conflict')
  async removeRole(
    @Param('name') name: string,
    @Param('role') role: string,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
  ) {
    await this.lists.removeRole(name, role, admin, client);
  }
}
