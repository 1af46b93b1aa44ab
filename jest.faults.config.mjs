import fleet from './jest.fleet.config.mjs';

/** What takes minutes of real faults: servers killed, frozen and cut off, failovers, restarts under load. */
export default {
  ...fleet,
  roots: ['<rootDir>/test/faults'],
};
