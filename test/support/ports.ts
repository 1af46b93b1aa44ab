export { freePort } from '../../src/database/embedded-postgres-process.js';
