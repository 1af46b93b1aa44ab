import { Module } from '@nestjs/common';
import { BuiltPages } from './built-pages.js';
import { PagesController } from './pages.controller.js';

/** The pages for people; left out of the application where `WEB_UI=false`. */
@Module({ controllers: [PagesController], providers: [{ provide: BuiltPages, useFactory: () => new BuiltPages() }] })
export class PagesModule {}
