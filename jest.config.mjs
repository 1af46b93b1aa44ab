/** @type {import('jest').Config} */
export default {
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  // Scripts of their own, because they need a browser or take long: `npm run test:browser`, `test:fleet`, `test:faults`.
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/browser/',
    '<rootDir>/test/fleet/',
    '<rootDir>/test/faults/',
  ],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    // The sources, so that no test meets an old build; test/client looks at the build itself.
    '^postern-client$': '<rootDir>/client/src/index.ts',
    '^postern-client/node$': '<rootDir>/client/src/node.ts',
  },
  globalSetup: './test/setup/global-setup.mjs',
  globalTeardown: './test/setup/global-teardown.mjs',
  reporters: ['default', './test/setup/count-reporter.mjs'],
  maxWorkers: 2,
  testTimeout: 180_000,
};
