import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AnyUser, AppMayCall, CurrentUser, Fresh, Roles, SessionOnly } from '../access/decorators.js';
import type { Principal } from '../access/principal.js';
import { ApiProblems } from '../common/api-problems.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { ClientGone } from '../http/client-gone.js';
import { UseridParam } from '../http/id-params.js';
import { clearSessionCookie } from '../http/session-cookie.js';
import { SignupService } from './signup.service.js';
import {
  CreateUserRequest,
  CreatedUserResponse,
  ListUsersQuery,
  MeResponse,
  ResetCodeResponse,
  SetStatusRequest,
  SignupCountsResponse,
  UserPage,
  UserResponse,
  toCreatedUserResponse,
  toMeResponse,
  toResetCodeResponse,
  toSignupCountsResponse,
  toUserPage,
  toUserResponse,
} from './users.dto.js';
import { UsersService } from './users.service.js';

@ApiTags('Users')
@Controller('v1/users')
export class UsersController {
  constructor(
    private readonly users: UsersService,
    private readonly signup: SignupService,
  ) {}

  @Post()
  @Roles('app', 'admin')
  @AppMayCall()
  @SessionOnly()
  @ApiOperation({ summary: 'Sign somebody up', description: 'With an app credential, or as an admin.' })
  @ApiResponse({ status: 201, description: 'The user and the first apitoken', standardSchema: CreatedUserResponse })
  @ApiProblems(
    ...(['unauthenticated', 'forbidden', 'invalid_request'] as const),
    ...(['rate_limited', 'username_taken', 'overloaded'] as const),
  )
  async create(
    @Body({ schema: CreateUserRequest }) body: CreateUserRequest,
    @CurrentUser() actor: Principal,
    @Client() client: ClientInfo,
    @ClientGone() gone: AbortSignal,
  ) {
    return toCreatedUserResponse(await this.signup.create(body, actor, client, gone));
  }

  @Get('me')
  @AnyUser()
  @AppMayCall()
  @ApiOperation({ summary: 'Who I am' })
  @ApiResponse({ status: 200, description: 'My account', standardSchema: MeResponse })
  @ApiProblems('unauthenticated')
  async me(@CurrentUser() user: Principal) {
    return toMeResponse(await this.users.me(user));
  }

  @Delete('me')
  @AnyUser()
  @SessionOnly()
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete my account', description: 'The name stays taken.' })
  @ApiNoContentResponse({ description: 'Password, apitokens, roles, area entries and sessions are gone' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'last_admin')
  async deleteMe(
    @CurrentUser() user: Principal,
    @Client() client: ClientInfo,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.users.delete(user.userid, user, client);
    if (user.mode === 'web') clearSessionCookie(reply);
  }

  @Get()
  @Roles('admin')
  @SessionOnly()
  @ApiOperation({
    summary: 'All users',
    description: 'Narrowed down by the beginning of the username, by role and by status.',
  })
  @ApiResponse({ status: 200, description: 'Newest first', standardSchema: UserPage })
  @ApiProblems('unauthenticated', 'forbidden', 'invalid_request')
  async list(@Query({ schema: ListUsersQuery }) query: ListUsersQuery) {
    return toUserPage(await this.users.list(query));
  }

  @Get(':userid')
  @Roles('admin')
  @SessionOnly()
  @ApiOperation({ summary: 'One user' })
  @ApiResponse({ status: 200, description: 'The user', standardSchema: UserResponse })
  @ApiProblems('unauthenticated', 'forbidden', 'not_found')
  async find(@UseridParam() userid: string) {
    return toUserResponse(await this.users.findOrFail(userid));
  }

  @Patch(':userid')
  @Roles('admin')
  @SessionOnly()
  @Fresh()
  @ApiOperation({ summary: 'Disable or enable a user', description: 'The sessions of a disabled user are over.' })
  @ApiResponse({ status: 200, description: 'The user', standardSchema: UserResponse })
  @ApiProblems(
    ...(['unauthenticated', 'forbidden', 'reauthentication_required'] as const),
    ...(['invalid_request', 'not_found', 'last_admin'] as const),
  )
  async setStatus(
    @UseridParam() userid: string,
    @Body({ schema: SetStatusRequest }) { status }: SetStatusRequest,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
  ) {
    return toUserResponse(await this.users.setStatus(userid, status, admin, client));
  }

  @Delete(':userid')
  @Roles('admin')
  @SessionOnly()
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a user', description: 'The name stays taken.' })
  @ApiNoContentResponse({ description: 'Password, apitokens, roles, area entries and sessions are gone' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found', 'last_admin')
  async delete(
    @UseridParam() userid: string,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.users.delete(userid, admin, client);
    if (admin.mode === 'web' && admin.userid === userid) clearSessionCookie(reply);
  }

  @Post(':userid/password-reset')
  @Roles('admin')
  @SessionOnly()
  @Fresh()
  @ApiOperation({ summary: 'Issue a one-time code for a new password', description: 'Good for 24 h; voids the last.' })
  @ApiResponse({ status: 201, description: 'The code', standardSchema: ResetCodeResponse })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found')
  async issueResetCode(@UseridParam() userid: string, @CurrentUser() admin: Principal, @Client() client: ClientInfo) {
    return toResetCodeResponse(await this.users.issueResetCode(userid, admin, client));
  }

  @Get(':userid/signups')
  @Roles('admin')
  @SessionOnly()
  @ApiOperation({ summary: 'How many an app account has signed up' })
  @ApiResponse({ status: 200, description: 'Counted by the audit', standardSchema: SignupCountsResponse })
  @ApiProblems('unauthenticated', 'forbidden', 'not_found')
  async signups(@UseridParam() userid: string) {
    return toSignupCountsResponse(await this.signup.counts(userid));
  }
}
