import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { OwnPagesOnly, Public } from '../access/decorators.js';
import { ApiProblems } from '../common/api-problems.js';
import { ClientGone } from '../http/client-gone.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { SessionCookies } from '../http/session-cookie.js';
import { handOver } from '../sessions/hand-over.js';
import { CreateUserRequest } from '../users/users.dto.js';
import { WebLoginRequest, WebSessionResponse } from './auth.dto.js';
import { WebLoginService, type WebSession } from './web-login.service.js';

const SET_COOKIE = {
  'Set-Cookie': {
    description: '`__Host-session=<userid>.<accesstoken>; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=…`',
    schema: { type: 'string' },
  },
} as const;

/** Contract: what gives a browser a session is closed to the pages of others. */
@ApiTags('Auth')
@Controller('v1/auth/web')
export class WebLoginController {
  constructor(private readonly web: WebLoginService) {}

  @Post('login')
  @Public()
  @OwnPagesOnly()
  @HttpCode(200)
  @ApiOperation({ summary: 'Log in on the web', description: 'The session is in the cookie, no token in the body.' })
  @ApiResponse({
    status: 200,
    description: 'Who logged in; sessions that the browser came with are over',
    standardSchema: WebSessionResponse,
    headers: SET_COOKIE,
  })
  @ApiProblems('csrf', 'invalid_credentials', 'invalid_request', 'rate_limited', 'overloaded')
  async login(
    @Body({ schema: WebLoginRequest }) body: WebLoginRequest,
    @SessionCookies() cookies: string[],
    @Client() client: ClientInfo,
    @ClientGone() gone: AbortSignal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return answer(await this.web.login(body, cookies, client, gone), reply);
  }
}

/** Only there where `WEB_SIGNUP` is open: elsewhere the path does not exist. */
@ApiTags('Auth')
@Controller('v1/auth/web')
export class WebSignupController {
  constructor(private readonly web: WebLoginService) {}

  @Post('signup')
  @Public()
  @OwnPagesOnly()
  @ApiOperation({ summary: 'Sign up on the web', description: 'Where WEB_SIGNUP is open; elsewhere 404.' })
  @ApiResponse({
    status: 201,
    description: 'The new user, logged in; sessions that the browser came with are over',
    standardSchema: WebSessionResponse,
    headers: SET_COOKIE,
  })
  @ApiProblems('csrf', 'invalid_request', 'rate_limited', 'username_taken', 'overloaded', 'not_found')
  async signup(
    @Body({ schema: CreateUserRequest }) body: CreateUserRequest,
    @SessionCookies() cookies: string[],
    @Client() client: ClientInfo,
    @ClientGone() gone: AbortSignal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return answer(await this.web.signup(body, cookies, client, gone), reply);
  }
}

function answer({ user: { userid, username, roles }, opened }: WebSession, reply: FastifyReply) {
  return { userid, username, roles, ...handOver(opened, reply) };
}
