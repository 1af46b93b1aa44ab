import { applyDecorators } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiProperty,
  ApiPropertyOptional,
  ApiResponse,
  ApiSchema,
  getSchemaPath,
  type ApiResponseOptions,
} from '@nestjs/swagger';
import { PROBLEMS, type ProblemCode } from './problem.js';

/** One refused field, in the API's description. */
@ApiSchema({ name: 'FieldError' })
class FieldErrorModel {
  @ApiProperty({ description: 'The field or query parameter, as the contract names it', example: 'name' })
  field!: string;

  @ApiProperty({ example: 'is required' })
  message!: string;
}

/** The body of every problem, in the API's description; `problemBody` is what makes it. */
@ApiSchema({ name: 'Problem', description: 'RFC 9457 problem details' })
class ProblemModel {
  @ApiProperty({ example: 'about:blank' })
  type!: string;

  @ApiProperty({ example: 'Not found' })
  title!: string;

  @ApiProperty({ type: 'integer', example: 404 })
  status!: number;

  @ApiProperty({ enum: Object.keys(PROBLEMS), description: 'Stable, for programs', example: 'not_found' })
  code!: string;

  @ApiPropertyOptional({ description: 'For people', example: 'There is no such user' })
  detail?: string;

  @ApiProperty({
    description: 'What the log calls this request; also in X-Request-Id',
    example: '7d0f2b66-1f53-4c5e-9f0a-3b8f0e6c2d41',
  })
  requestId!: string;

  @ApiPropertyOptional({ type: () => [FieldErrorModel], description: 'With code invalid_request' })
  errors?: FieldErrorModel[];
}

/** An answer with one of these statuses may say when to try again (contract). */
const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds to wait before the next try', schema: { type: 'integer' } },
} as const;
const MAY_SAY_WHEN = new Set([429, 503]);

/**
 * Describes how a route may refuse: one `application/problem+json` answer per status, naming the codes. What every
 * route may answer (405, 503 `unavailable`, what the parser refuses) is not repeated on each.
 */
export function ApiProblems(...codes: ProblemCode[]): MethodDecorator & ClassDecorator {
  const byStatus = Object.groupBy(codes, (code) => PROBLEMS[code].status);
  const responses = Object.entries(byStatus).map(([status, group]) =>
    ApiResponse(describe(Number(status), group ?? [])),
  );
  return applyDecorators(ApiExtraModels(ProblemModel), ...responses);
}

function describe(status: number, codes: readonly ProblemCode[]): ApiResponseOptions {
  return {
    status,
    description: codes.map((code) => `\`${code}\``).join(', '),
    ...(MAY_SAY_WHEN.has(status) ? { headers: RETRY_AFTER } : {}),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: getSchemaPath(ProblemModel) },
            { properties: { code: { type: 'string', enum: [...codes] } } },
          ],
        },
      },
    },
  };
}
