import { Body, Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { AnyUser, CurrentUser, Roles } from '../../../src/access/decorators.js';
import type { Principal } from '../../../src/access/principal.js';
import { ApiProblems } from '../../../src/common/api-problems.js';
import { UseridParam } from '../../../src/http/id-params.js';
import {
  AllNotesQuery,
  CreateNoteRequest,
  ListNotesQuery,
  NotePage,
  NoteResponse,
  toNotePage,
  toNoteResponse,
} from './notes.dto.js';
import { NotesService } from './notes.service.js';

@ApiTags('Notes')
@Controller('v1')
export class NotesController {
  constructor(private readonly notes: NotesService) {}

  @Post('notes')
  @AnyUser()
  @ApiOperation({ summary: 'Write a note' })
  @ApiResponse({ status: 201, description: 'The note', standardSchema: NoteResponse })
  @ApiProblems('unauthenticated', 'forbidden', 'invalid_request')
  async create(@Body({ schema: CreateNoteRequest }) body: CreateNoteRequest, @CurrentUser() user: Principal) {
    return toNoteResponse(await this.notes.create(user.userid, body));
  }

  @Get('notes')
  @AnyUser()
  @ApiOperation({ summary: 'My notes' })
  @ApiResponse({ status: 200, description: 'Newest first', standardSchema: NotePage })
  @ApiProblems('unauthenticated', 'forbidden', 'invalid_request')
  async list(@Query({ schema: ListNotesQuery }) page: ListNotesQuery, @CurrentUser() user: Principal) {
    return toNotePage(await this.notes.list(user.userid, page));
  }

  @Delete('notes/:id')
  @AnyUser()
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a note of mine' })
  @ApiNoContentResponse({ description: 'It is gone' })
  @ApiProblems('unauthenticated', 'forbidden', 'not_found')
  async delete(@UseridParam('id') id: string, @CurrentUser() user: Principal) {
    await this.notes.delete(user.userid, id);
  }

  @Get('all-notes')
  @Roles('admin')
  @ApiOperation({ summary: 'The notes of everybody' })
  @ApiResponse({ status: 200, description: 'Newest first', standardSchema: NotePage })
  @ApiProblems('unauthenticated', 'forbidden', 'invalid_request')
  async all(@Query({ schema: AllNotesQuery }) query: AllNotesQuery) {
    return toNotePage(await this.notes.all(query));
  }
}
