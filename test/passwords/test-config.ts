import { Config } from '../../src/config/config.js';

/** A configuration with what the passwords module reads, cheap enough for tests. */
export function passwordConfig(overrides: Partial<Config> = {}): Config {
  return Object.assign(new Config(), {
    environment: 'test',
    passwordMinLength: 15,
    passwordIterations: 1000,
    passwordPeppers: [],
    passwordContextWords: [],
    hashConcurrency: 1,
    hashQueue: 8,
    ...overrides,
  });
}
