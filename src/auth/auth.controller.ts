import { Body, Controller, Get, HttpCode, Post, Query, Res, UseGuards } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AnyUser, AppMayCall, CurrentUser, ForwardAuth, Public, Roles, SessionOnly } from '../access/decorators.js';
import type { Principal } from '../access/principal.js';
import { AreasService } from '../areas/areas.service.js';
import { ApiProblems } from '../common/api-problems.js';
import { Problem } from '../common/problem.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { ClientGone } from '../http/client-gone.js';
import { clearSessionCookie } from '../http/session-cookie.js';
import { handOver } from '../sessions/hand-over.js';
import { endsOf, NewSessionResponse } from '../sessions/sessions.dto.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { ApitokenByPasswordService } from './apitoken-by-password.service.js';
import {
  ApitokenByPasswordRequest,
  ApitokenByPasswordResponse,
  CheckQuery,
  LoginRequest,
  LoginResponse,
  PasswordChangeRequest,
  PasswordResetRequest,
  ReauthenticateRequest,
} from './auth.dto.js';
import { ApitokenGuard, Proven } from './guards/apitoken.guard.js';
import { LoginService, type ProvenLogin } from './login.service.js';
import { OwnPasswordService } from './own-password.service.js';

@ApiTags('Auth')
@Controller('v1')
export class AuthController {
  constructor(
    private readonly logins: LoginService,
    private readonly sessions: SessionsService,
    private readonly passwords: OwnPasswordService,
    private readonly apitokens: ApitokenByPasswordService,
    private readonly areas: AreasService,
  ) {}

  @Post('auth/login')
  @Public()
  @UseGuards(ApitokenGuard)
  @HttpCode(200)
  @ApiOperation({ summary: 'Log in with username, password and apitoken' })
  @ApiResponse({
    status: 200,
    description: 'userid and accesstoken for every later call',
    standardSchema: LoginResponse,
  })
  @ApiProblems('invalid_credentials', 'invalid_request', 'rate_limited', 'overloaded')
  async login(
    // Declared so that the input guard checks it and the documentation shows it; the strategy reads the request's.
    @Body({ schema: LoginRequest }) _body: LoginRequest,
    @Proven() login: ProvenLogin,
    @Client() client: ClientInfo,
  ) {
    const { session, accesstoken } = await this.logins.open(login, client);
    return { userid: login.userid, accesstoken, ...endsOf(session) };
  }

  @Post('auth/logout')
  @AnyUser()
  @AppMayCall()
  @SessionOnly()
  @HttpCode(204)
  @ApiOperation({ summary: 'Log out' })
  @ApiNoContentResponse({ description: 'This session is over on every machine' })
  @ApiProblems('unauthenticated', 'invalid_request')
  async logout(
    @CurrentUser() user: Principal,
    @Client() client: ClientInfo,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.sessions.logout(user, client);
    if (user.mode !== 'web') return;
    clearSessionCookie(reply);
    reply.header('clear-site-data', '"cache", "storage"');
  }

  @Post('auth/reauthenticate')
  @AnyUser()
  @SessionOnly()
  @HttpCode(200)
  @ApiOperation({ summary: 'Prove the password again', description: 'Gives a fresh session in place of this one.' })
  @ApiResponse({ status: 200, description: 'The new session; the old one is over', standardSchema: NewSessionResponse })
  @ApiProblems('unauthenticated', 'forbidden', 'wrong_password', 'invalid_request', 'rate_limited', 'overloaded')
  async reauthenticate(
    @Body({ schema: ReauthenticateRequest }) { password }: ReauthenticateRequest,
    @CurrentUser() user: Principal,
    @Client() client: ClientInfo,
    @ClientGone() gone: AbortSignal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return handOver(await this.passwords.reauthenticate(user, password, client, gone), reply);
  }

  @Post('auth/password-reset')
  @Public()
  @HttpCode(204)
  @ApiOperation({
    summary: 'Set a new password with a one-time code',
    description: 'An admin makes the code: `POST /v1/users/{userid}/password-reset`.',
  })
  @ApiNoContentResponse({ description: 'The password is set and every session is over; apitokens stay' })
  @ApiProblems('invalid_credentials', 'invalid_request', 'rate_limited', 'overloaded')
  async reset(
    @Body({ schema: PasswordResetRequest }) body: PasswordResetRequest,
    @Client() client: ClientInfo,
    @ClientGone() gone: AbortSignal,
  ) {
    await this.passwords.reset(body, client, gone);
  }

  @Get('auth/check')
  @AnyUser()
  @ForwardAuth()
  @HttpCode(204)
  @ApiOperation({
    summary: 'Is this session good? And for a role or a private area?',
    description:
      'For a proxy that asks before it lets somebody in: `auth_request` (nginx), `forward_auth` (Caddy). Under the ' +
      'cookie `X-Forwarded-Method` or `X-Original-Method` of a trusted proxy counts as the method (403 `csrf`).',
  })
  @ApiNoContentResponse({
    description: 'It is',
    headers: {
      'X-Auth-User-Id': { schema: { type: 'string' } },
      'X-Auth-Username': { schema: { type: 'string' } },
      'X-Auth-Roles': { description: 'Sorted, by comma', schema: { type: 'string' } },
    },
  })
  @ApiProblems('unauthenticated', 'forbidden', 'invalid_request')
  async check(
    @Query({ schema: CheckQuery }) { role, area }: CheckQuery,
    @CurrentUser() { userid, username, roles }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (role !== undefined && !roles.includes(role)) throw new Problem('forbidden');
    if (area !== undefined && !(await this.areas.admits(area, userid, roles))) throw new Problem('forbidden');
    reply.headers({ 'x-auth-user-id': userid, 'x-auth-username': username, 'x-auth-roles': roles.join(',') });
  }

  @Post('users/me/password')
  @AnyUser()
  @SessionOnly()
  @HttpCode(200)
  @ApiTags('Users')
  @ApiOperation({ summary: 'Change my password' })
  @ApiResponse({
    status: 200,
    description: 'A new session; every older one is over',
    standardSchema: NewSessionResponse,
  })
  @ApiProblems('unauthenticated', 'forbidden', 'wrong_password', 'invalid_request', 'rate_limited', 'overloaded')
  async changePassword(
    @Body({ schema: PasswordChangeRequest }) body: PasswordChangeRequest,
    @CurrentUser() user: Principal,
    @Client() client: ClientInfo,
    @ClientGone() gone: AbortSignal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return handOver(await this.passwords.change(user, body, client, gone), reply);
  }

  @Post('apitokens')
  @Roles('app')
  @AppMayCall()
  @SessionOnly()
  @ApiTags('Apitokens')
  @ApiOperation({
    summary: 'Make an apitoken for a user whose password the app was told',
    description: 'For a second phone, or where the apitoken was lost.',
  })
  @ApiResponse({ status: 201, description: 'The apitoken, shown once', standardSchema: ApitokenByPasswordResponse })
  @ApiProblems('unauthenticated', 'invalid_credentials', 'forbidden', 'invalid_request', 'rate_limited', 'overloaded')
  async createApitoken(
    @Body({ schema: ApitokenByPasswordRequest }) body: ApitokenByPasswordRequest,
    @CurrentUser() app: Principal,
    @Client() client: ClientInfo,
    @ClientGone() gone: AbortSignal,
  ) {
    return this.apitokens.create(app, body, client, gone);
  }
}
