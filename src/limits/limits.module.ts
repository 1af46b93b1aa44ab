import { Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Config } from '../config/config.js';
import { RedisService } from '../redis/redis.service.js';
import { LimitStore } from './limit-store.js';
import { Limiter } from './limiter.js';
import { PostgresLimitStore } from './postgres-limit-store.js';
import { RefusalPace } from './refusal-pace.js';
import { RedisLimitStore } from './redis-limit-store.js';
import { SignupLimits } from './signup-limits.js';

/** Rate limits, kept where the sessions are (`SESSION_STORE`). */
@Module({
  providers: [
    {
      provide: LimitStore,
      inject: [Config, RedisService, getDataSourceToken()],
      useFactory: (config: Config, redis: RedisService, dataSource: DataSource): LimitStore =>
        config.sessionStore === 'redis' ? new RedisLimitStore(redis) : new PostgresLimitStore(dataSource),
    },
    Limiter,
    RefusalPace,
    SignupLimits,
  ],
  exports: [Limiter, RefusalPace, SignupLimits],
})
export class LimitsModule {}
