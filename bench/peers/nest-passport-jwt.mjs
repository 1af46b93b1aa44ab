/**
 * NestJS + passport-jwt on Express as its documentation has it: a JWT of an hour, bcrypt, users in Postgres, and the
 * user looked up at every call, or a disabled one would stay in. LOOKUP=off leaves that out.
 */
import 'reflect-metadata';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Injectable,
  Module,
  Post,
  Req,
  Res,
  UnauthorizedException,
} from '@nestjs/common';
import { UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import bcrypt from 'bcrypt';
import { ExtractJwt, Strategy } from 'passport-jwt';
import pg from 'pg';
import { DATABASE_URL, decorateMethod, PORT, post, ready, USER } from './peer.mjs';

const secret = 'keys are made at random where this is run in earnest';
const db = new pg.Pool({ connectionString: DATABASE_URL });
await db.query(
  'CREATE TABLE accounts (userid serial PRIMARY KEY, username text UNIQUE, hash text NOT NULL, active bool)',
);
const insert = 'INSERT INTO accounts (username, hash, active) VALUES ($1, $2, true)';
await db.query(insert, [USER.username, await bcrypt.hash(USER.password, 10)]);

class JwtStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({ jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKey: secret });
  }
  async validate(payload) {
    if (process.env.LOOKUP === 'off') return { userid: payload.sub };
    const { rows } = await db.query('SELECT userid, active FROM accounts WHERE userid = $1', [payload.sub]);
    if (!rows[0]?.active) throw new UnauthorizedException();
    return rows[0];
  }
}
Injectable()(JwtStrategy);

class AppController {
  constructor(jwt) {
    this.jwt = jwt;
  }
  async login({ username, password }) {
    const { rows } = await db.query('SELECT userid, hash FROM accounts WHERE username = $1', [username]);
    if (rows.length === 0 || !(await bcrypt.compare(password, rows[0].hash))) throw new UnauthorizedException();
    return { token: await this.jwt.signAsync({ sub: rows[0].userid }) };
  }
  check(request, response) {
    response.set('x-auth-user-id', String(request.user.userid));
  }
}
decorateMethod(AppController, 'login', Post('login'));
decorateMethod(AppController, 'check', Get('check'), HttpCode(204), UseGuards(AuthGuard('jwt')));
Body()(AppController.prototype, 'login', 0);
Req()(AppController.prototype, 'check', 0);
Res({ passthrough: true })(AppController.prototype, 'check', 1);
Reflect.defineMetadata('design:paramtypes', [JwtService], AppController);
Controller()(AppController);

class AppModule {}
Module({
  imports: [PassportModule, JwtModule.register({ secret, signOptions: { expiresIn: '1h' } })],
  providers: [JwtStrategy],
  controllers: [AppController],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(PORT, '127.0.0.1');
const { token } = await (await post('/login', USER)).json();
ready({ path: '/check', headers: { authorization: `Bearer ${token}` }, login: { path: '/login', body: USER } });
