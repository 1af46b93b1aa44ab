/**
 * A floor: what Postern's shape costs with nothing in it. NestJS on Fastify, a guard that asks a passport-custom strategy,
 * one Redis GET, the client as Postern has it.
 */
import 'reflect-metadata';
import {
  Controller,
  Get,
  HttpCode,
  Injectable,
  Module,
  Req,
  Res,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import passport from 'passport';
import Custom from 'passport-custom';
import { decorateMethod, PORT, ready, redis } from './peer.mjs';

const token = 'f'.repeat(64);
const session = JSON.stringify({ userid: 'a1', username: 'measured', until: Date.now() + 3_600_000 });
const client = await redis({ timeout: 0 });
await client.set(`session:${token}`, session);

async function find(request) {
  const value = await client.get(`session:${request.headers.authorization?.slice(7)}`);
  const found = value === null ? null : JSON.parse(value);
  return found === null || found.until < Date.now() ? null : found;
}

passport.use(
  'token',
  new Custom((request, done) => {
    find(request).then((found) => done(null, found ?? false), done);
  }),
);

class TokenGuard {
  async canActivate(context) {
    const http = context.switchToHttp();
    const request = http.getRequest();
    const found = await new Promise((resolve, reject) => {
      const answer = (error, user) => (error ? reject(error) : resolve(user));
      passport.authenticate('token', { session: false }, answer)(request, http.getResponse(), reject);
    });
    if (!found) throw new UnauthorizedException();
    request.user = found;
    return true;
  }
}
Injectable()(TokenGuard);

class CheckController {
  check(request, reply) {
    reply.header('x-auth-user-id', request.user.userid);
  }
}
decorateMethod(CheckController, 'check', Get('check'), HttpCode(204), UseGuards(TokenGuard));
Req()(CheckController.prototype, 'check', 0);
Res({ passthrough: true })(CheckController.prototype, 'check', 1);
Controller()(CheckController);

class AppModule {}
Module({ controllers: [CheckController] })(AppModule);

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
await app.listen(PORT, '127.0.0.1');
ready({ path: '/check', headers: { authorization: `Bearer ${token}` } });
