import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { CurrentUser, Fresh, Roles, SessionOnly } from '../access/decorators.js';
import type { Principal } from '../access/principal.js';
import { ApiProblems } from '../common/api-problems.js';
import type { PageQuery } from '../common/paging.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { UseridParam } from '../http/id-params.js';
import { RoleGrantsService } from './role-grants.service.js';
import { CreateRoleRequest, ListRolesQuery, RolePage, RoleResponse, toRolePage, toRoleResponse } from './roles.dto.js';
import { RolesService } from './roles.service.js';

@ApiTags('Roles')
@Controller('v1')
@Roles('admin')
@SessionOnly()
export class RolesController {
  constructor(
    private readonly roles: RolesService,
    private readonly grants: RoleGrantsService,
  ) {}

  @Get('roles')
  @ApiOperation({ summary: 'The roles there are' })
  @ApiResponse({ status: 200, description: 'A to z', standardSchema: RolePage })
  @ApiProblems('unauthenticated', 'forbidden', 'invalid_request')
  async list(@Query({ schema: ListRolesQuery }) page: PageQuery) {
    return toRolePage(await this.roles.list(page));
  }

  @Post('roles')
  @Fresh()
  @ApiOperation({ summary: 'Make a role', description: 'It implies no other role, nor an area.' })
  @ApiResponse({ status: 201, description: 'The role', standardSchema: RoleResponse })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'invalid_request', 'role_exists')
  async create(
    @Body({ schema: CreateRoleRequest }) body: CreateRoleRequest,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
  ) {
    return toRoleResponse(await this.roles.create(body, admin, client));
  }

  @Delete('roles/:name')
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a role that nobody holds and no area names' })
  @ApiNoContentResponse({ description: 'It is gone' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found', 'role_builtin', 'role_in_use')
  async delete(@Param('name') name: string, @CurrentUser() admin: Principal, @Client() client: ClientInfo) {
    await this.roles.delete(name, admin, client);
  }

  @Put('users/:userid/roles/:name')
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'Grant a role', description: 'Granting `app` ends the sessions of the account, for good.' })
  @ApiNoContentResponse({ description: 'The user holds it, on every machine' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found', 'role_conflict')
  async grant(
    @UseridParam() userid: string,
    @Param('name') name: string,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
  ) {
    await this.grants.grant(userid, name, admin, client);
  }

  @Delete('users/:userid/roles/:name')
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'Take a role away' })
  @ApiNoContentResponse({ description: 'The user does not hold it any more, on any machine' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found')
  @ApiProblems('role_builtin', 'role_conflict', 'last_admin')
  async revoke(
    @UseridParam() userid: string,
    @Param('name') name: string,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
  ) {
    await this.grants.revoke(userid, name, admin, client);
  }
}
