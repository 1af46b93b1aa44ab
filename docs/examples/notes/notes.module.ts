import { Module } from '@nestjs/common';
import { NotesController } from './notes.controller.js';
import { NotesService } from './notes.service.js';

/** One folder, one module: nobody else touches its table. The data source and the guards are there for every module. */
@Module({ controllers: [NotesController], providers: [NotesService] })
export class NotesModule {}
