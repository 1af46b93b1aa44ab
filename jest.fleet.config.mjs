import base from './jest.config.mjs';

/** What needs many servers: several processes, HAProxy, what one ends and the other refuses, other versions. */
export default {
  ...base,
  roots: ['<rootDir>/test/fleet'],
  testPathIgnorePatterns: ['/node_modules/'],
  // One at a time: each file has up to ten servers of its own, and a lease must not run out because they crowd.
  maxWorkers: 1,
};
