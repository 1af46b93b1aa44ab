import { createClient } from 'redis';
import { keySlot } from '../../src/redis/key-slot.js';
import { startRedis } from '../support/redis-server.js';
import { freePort } from '../support/ports.js';

test('keys lie in the slots in which Redis itself has them', async () => {
  const server = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`] });
  const client = await createClient({ url: server.url }).connect();
  const ids = Array.from({ length: 200 }, () => crypto.randomUUID());
  const odd = ['', '{}', '{}a{b}', 'a{', 'a}{b', '{a}{b}', '{{a}}', 'ä{ö}', '123456789'];
  const keys = [...odd, ...ids.flatMap((id) => [`session:{${id}}:x`, `limit:web:${id}`])];
  try {
    const theirs = await Promise.all(keys.map((key) => client.sendCommand(['CLUSTER', 'KEYSLOT', key])));
    expect(keys.map(keySlot)).toEqual(theirs);
    expect(new Set(theirs).size).toBeGreaterThan(300);
    expect(keySlot(`session:{${ids[0]}}:x`)).toBe(keySlot(`authority:{${ids[0]}}:y`));
  } finally {
    client.destroy();
    await server.stop();
  }
});
