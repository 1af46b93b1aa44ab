import type { OpenAPIObject } from '@nestjs/swagger';
import { Problem, PROBLEMS, problemBody, type ProblemCode } from '../common/problem.js';
import type { RouteAccess } from './route-access.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Responses = Record<string, DocumentedProblem | undefined>;

/** An answer as `ApiProblems` describes it. */
interface DocumentedProblem {
  description?: string;
  headers?: object;
  content?: Record<
    string,
    {
      schema: { allOf: [object, { properties: { code: { type: string; enum: ProblemCode[] } } }] };
      examples?: Record<string, { $ref: string }>;
    }
  >;
}

const PROBLEM_TYPE = 'application/problem+json';

/** What the way to the handler may answer for any route, too rare to stand on each with a status of its own. */
const ANYWHERE = [
  'method_not_allowed',
  'request_timeout',
  'uri_too_long',
  'expectation_failed',
  'headers_too_large',
  'internal_error',
] as const satisfies readonly ProblemCode[];

/** Of every code one body as it is answered, to be referred to by the answers. */
export function problemExamples(): Record<string, { value: object }> {
  const requestId = '7d0f2b66-1f53-4c5e-9f0a-3b8f0e6c2d41';
  const codes = Object.keys(PROBLEMS) as ProblemCode[];
  return Object.fromEntries(
    codes.map((code) => {
      const options = code === 'invalid_request' ? { errors: [{ field: 'username', message: 'is required' }] } : {};
      return [code, { value: problemBody(new Problem(code, options), requestId) }];
    }),
  );
}

/** What the layers before and behind the handler may answer for this route, which it need not say itself. */
export function problemsOf(operation: Operation, route: RouteAccess): ProblemCode[] {
  const { isPublic, sessionOnly, fresh, method, ownPages } = route;
  const looksAtNothing = isPublic && method === 'GET';
  return [
    'malformed',
    'credentials_in_url',
    ...codes(!isPublic, 'ambiguous_credentials', 'unauthenticated'),
    ...codes(!isPublic && !(sessionOnly || fresh), ...BASIC),
    ...codes(ownPages || (!isPublic && method !== 'GET'), 'csrf'),
    ...codes(fresh, 'reauthentication_required'),
    ...codes(operation.requestBody !== undefined, 'payload_too_large', 'unsupported_media_type'),
    'invalid_request',
    ...codes(!looksAtNothing, 'unavailable'),
    ...codes(method !== 'GET', 'outcome_unknown'),
  ];
}

/** What HTTP Basic adds, on the routes that it reaches. */
const BASIC: readonly ProblemCode[] = ['https_required', 'csrf', 'invalid_credentials', 'rate_limited', 'overloaded'];

function codes(apply: boolean, ...these: ProblemCode[]): ProblemCode[] {
  return apply ? these : [];
}

/** Adds codes to those that the operation lists, by status with examples, and what any route may answer as `default`. */
export function addProblems(operation: Operation, added: readonly ProblemCode[]): void {
  const responses = operation.responses as Responses;
  const all = new Set([...Object.values(responses).flatMap(codesOf), ...added]);
  for (const [status, group] of Object.entries(Object.groupBy(all, (code) => PROBLEMS[code].status))) {
    responses[status] = { ...responses[status], ...describe(group ?? []) };
  }
  responses['default'] = {
    description: `Any other problem: ${inWords(ANYWHERE)}`,
    content: {
      [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } as never, examples: examplesOf(ANYWHERE) },
    },
  };
}

function codesOf(response: DocumentedProblem | undefined): ProblemCode[] {
  return response?.content?.[PROBLEM_TYPE]?.schema.allOf[1].properties.code.enum ?? [];
}

function describe(all: ProblemCode[]): DocumentedProblem {
  const code = { properties: { code: { type: 'string', enum: all } } };
  const schema = { allOf: [{ $ref: '#/components/schemas/Problem' }, code] as [object, typeof code] };
  return { description: inWords(all), content: { [PROBLEM_TYPE]: { schema, examples: examplesOf(all) } } };
}

function inWords(codes: readonly ProblemCode[]): string {
  return codes.map((code) => `\`${code}\``).join(', ');
}

function examplesOf(codes: readonly ProblemCode[]): Record<string, { $ref: string }> {
  return Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
}
