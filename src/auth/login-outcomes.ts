import { Injectable } from '@nestjs/common';
import { Problem } from '../common/problem.js';
import { RefusalPace } from '../limits/refusal-pace.js';

/** `apitoken`: an apitoken was asked for by password. */
export type LoginMode = 'token' | 'web' | 'basic' | 'apitoken';

/** `wrong_apitoken`: none such, or not of that username; `gone`: the client went away while it waited. */
export type LoginOutcome =
  'success' | 'wrong_apitoken' | 'wrong_password' | 'rate_limited' | 'overloaded' | 'unavailable' | 'gone' | 'failed';

/** What a problem says of a login; a refusal of the credentials is counted where it is known which was wrong. */
const OF_PROBLEM: Partial<Record<string, LoginOutcome | null>> = {
  invalid_credentials: null,
  rate_limited: 'rate_limited',
  overloaded: 'overloaded',
  unavailable: 'unavailable',
  request_timeout: 'gone',
};

/** How the logins of this process ended, since it started; told to the operator and nobody else. */
@Injectable()
export class LoginOutcomes {
  private readonly counts = new Map<LoginMode, Map<LoginOutcome, number>>();

  constructor(private readonly pace: RefusalPace) {}

  count(mode: LoginMode, outcome: LoginOutcome): void {
    const ofMode = this.counts.get(mode) ?? new Map<LoginOutcome, number>();
    this.counts.set(mode, ofMode.set(outcome, (ofMode.get(outcome) ?? 0) + 1));
  }

  /** Runs a login and counts its success, or why it failed; a refusal leaves when its turn has come. */
  async watch<T>(mode: LoginMode, login: () => Promise<T>): Promise<T> {
    return this.pace.keep(async () => {
      try {
        const proven = await login();
        this.count(mode, 'success');
        return proven;
      } catch (error) {
        const outcome = error instanceof Problem ? OF_PROBLEM[error.code] : 'failed';
        if (outcome !== null) this.count(mode, outcome ?? 'failed');
        throw error;
      }
    });
  }

  /** All of them so far. */
  *[Symbol.iterator](): Generator<{ mode: LoginMode; outcome: LoginOutcome; count: number }> {
    for (const [mode, outcomes] of this.counts) {
      for (const [outcome, count] of outcomes) yield { mode, outcome, count };
    }
  }
}
