import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  HttpException,
  Injectable,
  Module,
  Param,
  Post,
  Query,
  Res,
  StreamableFile,
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  type LoggerService,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { createLogger } from '../../src/bootstrap/logger.js';
import { Config } from '../../src/config/config.js';
import { configureApp, createAdapter, overrideHeaders } from '../../src/configure-app.js';
import { Problem } from '../../src/common/problem.js';
import { credential, description, expiresAt, search, tokenName } from '../../src/common/fields.js';
import { pageQuery, toPage } from '../../src/common/paging.js';
import { LEAKED_CREDENTIALS, type LeakedCredentialHandler } from '../../src/http/credentials-in-url.js';
import { TokenIdParam, UseridParam } from '../../src/http/id-params.js';
import { WaitsOneLease } from '../../src/http/waits-one-lease.decorator.js';
import { logRequests } from '../../src/service/request-log.js';
import { sourceAddress } from '../../src/http/source-address.js';

export const ORIGIN = 'https://web.example';

const NewThing = z.strictObject({
  name: tokenName,
  description: description.optional(),
  expiresAt: expiresAt.optional(),
});
const Login = z.strictObject({ username: credential, password: credential, deviceName: tokenName.optional() });
const ThingQuery = pageQuery(() => true).extend({ search: search.optional() });

/** What the handlers have been called with, newest last: a refused request must not reach them. */
export const calls: string[] = [];

/** `GET /v1/wait` says that it is there and answers when it is let go. */
export const wait = { reached: Promise.withResolvers<void>(), go: Promise.withResolvers<void>() };

/** When `DELETE /v1/all-things` answers. */
export const lease = { over: Promise.withResolvers<void>() };

/** Of `GET /v1/large`, in bytes: more than the buffers of a connection take. */
export const LARGE = 32 * 1024 * 1024;

/** What `GET /v1/fail/:how` throws. */
export const failures = new Map<string, () => unknown>();

/** As a file is read. */
function* pieces(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= 65_536) yield Buffer.alloc(65_536);
}

@Controller()
class ThingController {
  @Get('v1/things')
  list(@Query({ schema: ThingQuery }) query: z.output<typeof ThingQuery>): unknown {
    calls.push('list');
    const rows = Array.from({ length: query.limit + 1 }, (_, index) => ({ name: `thing-${index}` }));
    return { query, ...toPage(rows, query.limit, ({ name }) => [name]) };
  }

  @Post('v1/things')
  create(@Body({ schema: NewThing }) thing: z.output<typeof NewThing>): unknown {
    calls.push('create');
    return { ...thing, isDate: thing.expiresAt instanceof Date };
  }

  @Post('v1/login')
  @HttpCode(200)
  login(@Body({ schema: Login }) login: z.output<typeof Login>): unknown {
    calls.push('login');
    return { username: login.username };
  }

  @Post('v1/logout')
  @HttpCode(204)
  logout(): void {
    calls.push('logout');
  }

  @Get('v1/things/own')
  own(): unknown {
    return {};
  }

  @Get('v1/things/:userid')
  get(@UseridParam() userid: string): unknown {
    return { userid };
  }

  @Delete('v1/things/:userid')
  @HttpCode(204)
  remove(@UseridParam() userid: string): void {
    calls.push(`remove ${userid}`);
  }

  @Get('v1/things/:userid/tokens/:id')
  token(@UseridParam() userid: string, @TokenIdParam() id: string): unknown {
    return { userid, id };
  }

  @Get('v1/check')
  @HttpCode(204)
  check(@Res({ passthrough: true }) reply: FastifyReply): void {
    reply.header('x-auth-roles', 'user');
  }

  @Get('v1/file')
  file(): StreamableFile {
    return new StreamableFile(Buffer.from('0123456789'), { type: 'text/plain; charset=utf-8' });
  }

  @Get('v1/large')
  large(): StreamableFile {
    return new StreamableFile(Readable.from(pieces(LARGE)), { length: LARGE });
  }

  @Delete('v1/all-things')
  @WaitsOneLease()
  @HttpCode(204)
  removeAll(): Promise<void> {
    return lease.over.promise;
  }

  @Get('v1/empty')
  empty(): void {}

  @Get('v1/fail/:how')
  fail(@Param('how') how: string, @Res({ passthrough: true }) reply: FastifyReply): unknown {
    reply.header('set-cookie', 'a=b').header('cache-control', 'public').code(201);
    throw failures.get(how)!();
  }

  @Get('v1/wait')
  async wait(): Promise<unknown> {
    wait.reached.resolve();
    await wait.go.promise;
    return {};
  }

  @Get('v1/hang')
  hang(): Promise<never> {
    return new Promise(() => {});
  }

  @Post('v1/hang')
  hangPost(): Promise<never> {
    return new Promise(() => {});
  }

  @Get('v1/http-exception/:status')
  httpException(@Param('status') status: string): never {
    throw new HttpException('secret words', Number(status));
  }

  @Get('pages/home')
  @Header('content-type', 'text/html; charset=utf-8')
  page(
    @Query({ schema: z.strictObject({ missing: z.literal('yes').optional() }) }) query: { missing?: 'yes' },
  ): string {
    if (query.missing) throw new Problem('not_found');
    return '<!doctype html>';
  }

  @Get('whoami')
  whoami(@Res({ passthrough: true }) reply: FastifyReply): unknown {
    return { address: sourceAddress(reply.request), requestId: reply.request.id };
  }
}

/** Stands for the guards of the service: refuses what the header asks for. */
@Injectable()
class AccessGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const code = context.switchToHttp().getRequest<FastifyRequest>().headers['x-refuse'];
    if (code === undefined) return true;
    throw new Problem(code as 'unauthenticated');
  }
}

@Module({})
class ThingModule {
  static with(handler?: LeakedCredentialHandler): DynamicModule {
    return {
      module: ThingModule,
      controllers: [ThingController],
      providers: [
        { provide: APP_GUARD, useClass: AccessGuard },
        ...(handler ? [{ provide: LEAKED_CREDENTIALS, useValue: handler }] : []),
      ],
    };
  }
}

export interface TestApp {
  readonly app: NestFastifyApplication;
  readonly port: number;
  readonly url: string;
  readonly log: string[];
  close(): Promise<void>;
}

export interface TestAppOptions extends Partial<Pick<Config, 'trustProxy' | 'webOrigins' | 'truthLeaseMs'>> {
  readonly leakedCredentials?: LeakedCredentialHandler;
  /** Where the request log goes, line by line. */
  readonly requestLog?: (line: string) => void;
}

/** An application of a few routes on the real adapter, listening on a free port. */
export async function startApp({ leakedCredentials, requestLog, ...settings }: TestAppOptions = {}): Promise<TestApp> {
  const config = Object.assign(new Config(), { trustProxy: [], webOrigins: [ORIGIN], truthLeaseMs: 2000, ...settings });
  const log: string[] = [];
  const written = createLogger({ logLevel: 'warn' }, { write: (line: string) => void log.push(line) });
  const note = (message: object | string) => written.warn(message);
  const logger: LoggerService = { log: () => {}, error: note, warn: note };
  const app = await NestFactory.create<NestFastifyApplication>(
    ThingModule.with(leakedCredentials),
    createAdapter(config),
    { logger },
  );
  configureApp(app, config);
  overrideHeaders(app, {
    matches: (path) => path.startsWith('/pages/'),
    headers: { 'content-security-policy': "default-src 'self'" },
  });
  if (requestLog) logRequests(app, createLogger({ logLevel: 'info' }, { write: requestLog }));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { app, port, log, url: `http://127.0.0.1:${port}`, close: () => app.close() };
}
