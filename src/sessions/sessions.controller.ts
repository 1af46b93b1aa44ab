import { Controller, Delete, Get, HttpCode, Query, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AnyUser, CurrentUser, Fresh, Roles, SessionOnly } from '../access/decorators.js';
import type { Principal } from '../access/principal.js';
import { ApiProblems } from '../common/api-problems.js';
import type { PageQuery } from '../common/paging.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { TokenIdParam, UseridParam } from '../http/id-params.js';
import { clearSessionCookie } from '../http/session-cookie.js';
import { WaitsOneLease } from '../http/waits-one-lease.decorator.js';
import { handOver } from './hand-over.js';
import { EndSessionsQuery, ListSessionsQuery, NewSessionResponse, SessionPage } from './sessions.dto.js';
import { sessionPage } from './session-page.js';
import { SessionsService } from './sessions.service.js';

@ApiTags('Sessions')
@Controller('v1')
@SessionOnly()
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  @Get('sessions')
  @AnyUser()
  @ApiOperation({ summary: 'Where I am logged in' })
  @ApiResponse({ status: 200, description: 'My sessions, newest first', standardSchema: SessionPage })
  @ApiProblems('unauthenticated', 'forbidden', 'invalid_request')
  async list(@CurrentUser() user: Principal, @Query({ schema: ListSessionsQuery }) page: PageQuery) {
    return sessionPage(await this.sessions.list(user.userid), page, user);
  }

  @Delete('sessions/:id')
  @AnyUser()
  @HttpCode(204)
  @ApiOperation({ summary: 'End one of my sessions' })
  @ApiNoContentResponse({ description: 'It is over on every machine' })
  @ApiProblems('unauthenticated', 'forbidden', 'not_found')
  async end(@TokenIdParam() id: string, @CurrentUser() user: Principal, @Client() client: ClientInfo) {
    await this.sessions.end(user.userid, id, user, client);
  }

  @Delete('sessions')
  @AnyUser()
  @ApiOperation({ summary: 'End all my sessions, or all others', description: 'With keep=current a new one is given.' })
  @ApiResponse({ status: 200, description: 'keep=current: the new session', standardSchema: NewSessionResponse })
  @ApiNoContentResponse({ description: 'All are over' })
  @ApiProblems('unauthenticated', 'forbidden', 'invalid_request')
  async endAll(
    @Query({ schema: EndSessionsQuery }) { keep }: EndSessionsQuery,
    @CurrentUser() user: Principal,
    @Client() client: ClientInfo,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (keep === 'current') return handOver(await this.sessions.endOthers(user, client), reply);
    await this.sessions.endAll(user.userid, user, client);
    if (user.mode === 'web') clearSessionCookie(reply);
    reply.code(204);
    return undefined;
  }

  @Get('users/:userid/sessions')
  @Roles('admin')
  @ApiOperation({ summary: 'Where a user is logged in' })
  @ApiResponse({ status: 200, description: 'Newest first', standardSchema: SessionPage })
  @ApiProblems('unauthenticated', 'forbidden', 'not_found', 'invalid_request')
  async listOf(
    @UseridParam() userid: string,
    @CurrentUser() admin: Principal,
    @Query({ schema: ListSessionsQuery }) page: PageQuery,
  ) {
    return sessionPage(await this.sessions.listOf(userid), page, admin);
  }

  @Delete('users/:userid/sessions')
  @Roles('admin')
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'End all sessions of a user' })
  @ApiNoContentResponse({ description: 'All are over' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found')
  async endAllOf(
    @UseridParam() userid: string,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.sessions.endAll(userid, admin, client);
    if (admin.mode === 'web' && admin.userid === userid) clearSessionCookie(reply);
  }

  @Delete('users/:userid/sessions/:id')
  @Roles('admin')
  @Fresh()
  @HttpCode(204)
  @ApiOperation({ summary: 'End one session of a user' })
  @ApiNoContentResponse({ description: 'It is over on every machine' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required', 'not_found')
  async endOf(
    @UseridParam() userid: string,
    @TokenIdParam() id: string,
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
  ) {
    await this.sessions.end(userid, id, admin, client);
  }

  @Delete('all-sessions')
  @Roles('admin')
  @Fresh()
  @WaitsOneLease()
  @HttpCode(204)
  @ApiOperation({ summary: 'End the sessions of everybody', description: 'Takes one lease (TRUTH_LEASE_MS).' })
  @ApiNoContentResponse({ description: 'Nobody is logged in any more, the caller neither' })
  @ApiProblems('unauthenticated', 'forbidden', 'reauthentication_required')
  async endEverybodys(
    @CurrentUser() admin: Principal,
    @Client() client: ClientInfo,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.sessions.endEverybodys(admin, client);
    if (admin.mode === 'web') clearSessionCookie(reply);
  }
}
