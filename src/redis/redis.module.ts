import { Global, Module } from '@nestjs/common';
import { RedisService } from './redis.service.js';

/** The one Redis connection, for every module that keeps something there. */
@Global()
@Module({ providers: [RedisService], exports: [RedisService] })
export class RedisModule {}
