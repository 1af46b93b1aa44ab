import { Param, type PipeTransform } from '@nestjs/common';
import { Problem } from '../common/problem.js';
import { isTokenId, isUserid } from '../common/secret-token.js';

/** An id of the wrong shape names nothing: 404, and no query is asked. */
class ShapePipe implements PipeTransform<unknown, string> {
  constructor(private readonly fits: (text: unknown) => text is string) {}

  transform(value: unknown): string {
    if (!this.fits(value)) throw new Problem('not_found');
    return value;
  }
}

/** The path parameter `userid`, or the one of that name: a userid, or 404. */
export const UseridParam = (name = 'userid') => Param(name, new ShapePipe(isUserid));

/** The path parameter `id`, or the one of that name: the public id of a token or session, or 404. */
export const TokenIdParam = (name = 'id') => Param(name, new ShapePipe(isTokenId));
