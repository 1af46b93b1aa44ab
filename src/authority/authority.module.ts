import { Module } from '@nestjs/common';
import { AuthorityService } from './authority.service.js';
import { TruthProbe } from './truth-probe.js';
import { TruthService } from './truth.service.js';

/** What is true of a user right now, and whether this process may say so. */
@Module({ providers: [TruthProbe, TruthService, AuthorityService], exports: [TruthService, AuthorityService] })
export class AuthorityModule {}
