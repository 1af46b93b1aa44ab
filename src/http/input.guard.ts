import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA, RouteParamtypes } from '@nestjs/common/internal';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Principal } from '../access/principal.js';
import { newPassword } from '../common/fields.js';
import { Problem, type FieldError } from '../common/problem.js';
import { foldUsername } from '../common/username.js';
import { checkBody, checkNoBody, checkQuery, errorsIn, type Checked } from '../common/validation.js';
import { repeatedKeys } from './json-body.js';

/** What a route declares by `@Body({ schema })` and `@Query({ schema })`. */
interface Input {
  readonly body?: z.ZodType;
  readonly query?: z.ZodType;
}

type InputRequest = Pick<FastifyRequest, 'body' | 'query'> & { readonly principal?: Principal };
type RouteArguments = Readonly<Record<string, { readonly data?: unknown; readonly schema?: unknown }>>;

/** Found by `configureApp` under this key, where a module provides the rules of passwords to be set. */
export const PASSWORD_RULES = Symbol('PasswordRules');

/** Why a password may not be this user's, on that field. The services ask it too: here it only completes a refusal. */
export interface PasswordRules {
  check(password: string, username: string, field: string): FieldError[];
}

/**
 * The last global guard: who may call is decided, now what was sent is. A route takes exactly what it
 * declares; a body or query parameter that it does not declare is 422 as well. Handlers get the parsed values
 * by `@Body` and `@Query`. A guard and no pipe, because a pipe does not run where a route declares nothing,
 * sees one argument at a time and not the keys of the raw one; and no interceptor, which costs more per call.
 */
@Injectable()
export class InputGuard implements CanActivate {
  private readonly inputs = new WeakMap<object, Map<string, Input>>();

  constructor(private readonly passwords?: PasswordRules) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<InputRequest>();
    this.accept(request, this.inputOf(context.getClass(), context.getHandler().name));
    return true;
  }

  /**
   * Checks body and query against what is declared and puts the parsed values in their place.
   * @throws Problem `invalid_request`, with every field that is wrong.
   */
  private accept(request: InputRequest, input: Input): void {
    const body = checkedBody(request.body, input.body);
    const query = checkQuery(input.query, request.query as Record<string, unknown>);
    if ('data' in body && 'data' in query) {
      request.body = body.data;
      request.query = query.data;
      return;
    }
    const errors = errorsIn(body, query);
    const weak = this.weakPassword(request, input).filter(({ field }) => errors.every((one) => one.field !== field));
    throw new Problem('invalid_request', { errors: [...errors, ...weak] });
  }

  /** What is wrong with a password to be set, which no schema can say. */
  private weakPassword({ body, principal }: InputRequest, input: Input): FieldError[] {
    const shape = input.body instanceof z.ZodObject ? (input.body.shape as Record<string, unknown>) : {};
    const field = Object.keys(shape).find((key) => shape[key] === newPassword);
    if (field === undefined || typeof body !== 'object' || body === null) return [];
    const { [field]: password, username } = body as Record<string, unknown>;
    if (typeof password !== 'string' || this.passwords === undefined) return [];
    return this.passwords.check(password, foldUsername(username) ?? principal?.username ?? '', field);
  }

  private inputOf(controller: object, method: string): Input {
    let ofController = this.inputs.get(controller);
    if (ofController === undefined) this.inputs.set(controller, (ofController = new Map<string, Input>()));
    let input = ofController.get(method);
    if (input === undefined) ofController.set(method, (input = readInput(controller, method)));
    return input;
  }
}

function checkedBody(body: unknown, schema: z.ZodType | undefined): Checked {
  if (schema !== undefined) {
    return checkBody(schema, body, typeof body === 'object' && body !== null ? repeatedKeys(body) : []);
  }
  return checkNoBody(body);
}

/** Reads what Nest keeps of the parameters' decorators: `<kind>:<index>` → `{ data, schema }`. */
function readInput(controller: object, method: string): Input {
  const declared = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {}) as RouteArguments;
  const schemaOf = (kind: RouteParamtypes): z.ZodType | undefined => {
    const [argument, ...more] = Object.entries(declared).filter(([key]) => key.startsWith(`${kind}:`));
    if (argument === undefined) return undefined;
    const { data, schema } = argument[1];
    if (more.length > 0 || data !== undefined || typeof (schema as z.ZodType | undefined)?.safeParse !== 'function') {
      throw new Error(`${method}: @Body and @Query stand once, with a zod schema and no property`);
    }
    return schema as z.ZodType;
  };
  return { body: schemaOf(RouteParamtypes.BODY), query: schemaOf(RouteParamtypes.QUERY) };
}
