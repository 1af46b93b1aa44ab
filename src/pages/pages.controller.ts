import { randomBytes } from 'node:crypto';
import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Public } from '../access/decorators.js';
import { Problem } from '../common/problem.js';
import { BuiltPages } from './built-pages.js';

/** What the pages keep in their URLs, filters and the way back after login, is for them to read. */
const AnyQuery = z.looseObject({});

/** The names have a hash of the content in them: a year, the longest that is heeded (RFC 9111 names no limit). */
const FOREVER = 'public, max-age=31536000, immutable';

/** The pages for people: one HTML for all of them, which finds out in the browser which page it is, and its assets. */
@ApiExcludeController()
@Controller()
@Public()
export class PagesController {
  constructor(private readonly pages: BuiltPages) {}

  @Get(['', 'login', 'signup', 'account', 'account/*', 'admin', 'admin/*'])
  page(@Query({ schema: AnyQuery }) _query: unknown, @Res({ passthrough: true }) reply: FastifyReply): string {
    const nonce = randomBytes(18).toString('base64url');
    reply.headers({ 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy(nonce) });
    return this.pages.html(nonce);
  }

  @Get('assets/:name')
  asset(
    @Param('name') name: string,
    @Headers('accept-encoding') accepted: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Buffer {
    const asset = this.pages.asset(name);
    if (asset === undefined) throw new Problem('not_found');
    reply.headers({ 'content-type': asset.type, 'cache-control': FOREVER, vary: 'Accept-Encoding, Origin' });
    if (asset.gzipped === undefined || !acceptsGzip(accepted)) return asset.plain;
    reply.header('content-encoding', 'gzip');
    return asset.gzipped;
  }
}

/**
 * No script but the files of the build. The nonce is for the styles that Mantine and the scroll lock of its dialogs
 * make while they run; style attributes are set from script, which this does not concern.
 */
function policy(nonce: string): string {
  return [
    `default-src 'none'`,
    `script-src 'self'`,
    `style-src 'self' 'nonce-${nonce}'`,
    `img-src 'self'`,
    `font-src 'self'`,
    `connect-src 'self'`,
    `base-uri 'none'`,
    `form-action 'self'`,
    `frame-ancestors 'none'`,
  ].join('; ');
}

/** RFC 9110 section 12.5.3, as far as browsers use it: named, and not with a weight of nothing. */
function acceptsGzip(accepted = ''): boolean {
  return /(?:^|,)\s*gzip\s*(?:$|,|;\s*q=(?!0(?:\.0*)?\s*(?:$|,)))/i.test(accepted);
}
