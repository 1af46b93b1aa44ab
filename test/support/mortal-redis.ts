import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from 'redis';
import { startRedis, type RedisServer } from './redis-server.js';

/** A Redis that is killed, comes back on its port with an older state or none, and is made to hang. */
export class MortalRedis {
  private constructor(
    /** Owns the folder, also when others run on it. */
    private readonly first: RedisServer,
    private running: RedisServer,
  ) {}

  static async start(): Promise<MortalRedis> {
    const server = await startRedis();
    return new MortalRedis(server, server);
  }

  get url(): string {
    return this.first.url;
  }

  /** Keeps what it holds now, for `restart`. */
  async dump(): Promise<void> {
    const client = await createClient({ url: this.url }).connect();
    await client.sendCommand(['SAVE']);
    client.destroy();
    copyFileSync(this.file('dump.rdb'), this.file('older.rdb'));
  }

  /** `kill -9`: what was written since the last dump is lost. */
  async kill(): Promise<void> {
    await this.running.kill('SIGKILL');
  }

  /** Starts it again on its port, and resolves when it answers. */
  async restart(from: 'dump' | 'nothing'): Promise<void> {
    if (from === 'dump') copyFileSync(this.file('older.rdb'), this.file('dump.rdb'));
    else rmSync(this.file('dump.rdb'), { force: true });
    const { port, dir } = this.first;
    this.running = await startRedis({ port, dir });
  }

  /** It keeps its connections, but answers nobody until `resume`. */
  async freeze(): Promise<void> {
    await this.running.kill('SIGSTOP');
  }

  async resume(): Promise<void> {
    await this.running.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.running.stop();
    await this.first.stop();
  }

  private file(name: string): string {
    return join(this.first.dir, name);
  }
}
