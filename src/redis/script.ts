import { createHash } from 'node:crypto';
import { ErrorReply } from 'redis';
import type { RedisNode } from './redis-node.js';

/** Gives the connection to the master that has a key. */
export interface Nodes {
  at(key: string): Pick<RedisNode, 'client'>;
}

/**
 * A Lua script that Redis keeps under its SHA-1: sent by hash, and once in full where the server does not know
 * it yet (after a restart or SCRIPT FLUSH). Touches only the keys it is given, so that it runs on a Cluster.
 */
export class Script {
  private readonly sha: string;

  constructor(private readonly lua: string) {
    this.sha = createHash('sha1').update(lua).digest('hex');
  }

  /**
   * Runs where the keys are. Gives what the script returns. Throws what node-redis throws; nothing is retried but the
   * unknown hash.
   */
  async run(redis: Nodes, keys: [string, ...string[]], args: (string | number)[] = []): Promise<unknown> {
    const { client } = redis.at(keys[0]);
    const options = { keys, arguments: args.map(String) };
    try {
      return await client.evalSha(this.sha, options);
    } catch (error) {
      if (!(error instanceof ErrorReply && error.message.startsWith('NOSCRIPT'))) throw error;
      return client.eval(this.lua, options);
    }
  }
}
