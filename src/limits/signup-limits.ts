import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Limiter } from './limiter.js';

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** Sign-ups through apps from one source in a minute (docs/security.md, Limits). */
const PER_SOURCE_PER_MINUTE = 10;

/** How many may sign up. Nothing here is given back: a 409 `username_taken` counts, or it would list who exists. */
@Injectable()
export class SignupLimits {
  constructor(
    private readonly limiter: Limiter,
    private readonly config: Config,
  ) {}

  /**
   * Counts one sign-up through an app account, before anything is looked up or hashed; 429 where the source has had
   * 10 in a minute or `SIGNUP_PER_SOURCE_PER_DAY`, or the app account `SIGNUP_APP_PER_MINUTE`.
   * @returns `appLimitReached`: this was the last one that the app account had in this minute, said once a minute,
   *   for the audit
   */
  async throughApp(appUserid: string, address: string | undefined): Promise<{ appLimitReached: boolean }> {
    const { signupPerSourcePerDay, signupAppPerMinute } = this.config;
    const holds = await this.limiter.takeAll([
      () => this.limiter.takeSource('signup-minute', address, PER_SOURCE_PER_MINUTE, MINUTE),
      () => this.limiter.takeSource('signup-day', address, signupPerSourcePerDay, DAY),
      () => this.limiter.take('signup-app', appUserid, signupAppPerMinute, MINUTE),
    ]);
    return { appLimitReached: holds.at(-1)?.count === signupAppPerMinute };
  }

  /** Counts one sign-up on the web; 429 where the source has had `WEB_SIGNUP_PER_SOURCE_PER_HOUR`. */
  async onWeb(address: string | undefined): Promise<void> {
    await this.limiter.takeSource('signup-web', address, this.config.webSignupPerSourcePerHour, HOUR);
  }
}
