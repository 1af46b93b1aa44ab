import base from './jest.config.mjs';

/** @type {import('jest').Config} */
export default {
  ...base,
  roots: ['<rootDir>/test/browser'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: './test/setup/browser-setup.mjs',
  // One browser at a time: two would each have half a machine, and their patience would run out.
  maxWorkers: 1,
  testTimeout: 240_000,
};
