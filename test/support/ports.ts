import { freePort } from '../../src/database/embedded-postgres-process.js';

export { freePort };

/** `count` different free TCP ports of 127.0.0.1. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}
