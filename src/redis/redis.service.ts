import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { unavailable } from '../common/problem.js';
import { Config } from '../config/config.js';
import { fingerprintOf } from './cluster-discovery.js';
import { discovery, type Discover, type SlotMap, type Topology } from './discovery.js';
import { keySlot } from './key-slot.js';
import { dial, type ClientOptions } from './redis-client.js';
import { RedisNode, together, type RedisServer } from './redis-node.js';

/** Reconnects come at most 250 ms apart (design rule 1), the first at once, with some jitter. */
const RECONNECT_MAX_MS = 250;

/**
 * The connections of this process to Redis, one to each master: one in all but for a Cluster. They are made together
 * and dropped together, after a discovery of their own, so that what was confirmed of them holds for all or none.
 */
@Injectable()
export class RedisService implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(RedisService.name);
  private readonly discover: Discover | undefined;
  private readonly options: ClientOptions;
  private readonly readyListeners: (() => void)[] = [];
  private readonly droppedListeners: (() => void)[] = [];
  /** Empty while there is no connection. */
  private nodes: readonly RedisNode[] = [];
  /** Undefined where one node has all keys. */
  private slots: SlotMap | undefined;
  private seen: RedisServer | undefined;
  private number = 0;
  private dialling = false;
  private closing = false;

  readonly mode: Config['redisMode'];

  constructor(config: Config) {
    this.mode = config.redisMode;
    this.options = {
      // Ends a connection that is silent; the heartbeat, twice as frequent, keeps a living one from it.
      silenceMs: Math.ceil(config.truthLeaseMs / 2),
      invalidations: config.sessionCache === 'tracked',
    };
    if (config.sessionStore !== 'redis' || config.redisUrl === undefined) return;
    this.discover = discovery(config, config.redisUrl);
  }

  /** True where this process keeps sessions in Redis. */
  get enabled(): boolean {
    return this.discover !== undefined;
  }

  /** The number of the connections in use: what was learned of some says nothing of the next. */
  get connection(): number {
    return this.number;
  }

  /** True while the connections are open; whether their servers are the right ones is for the heartbeat to say. */
  get ready(): boolean {
    return this.nodes.length > 0;
  }

  /** The connections in use, one to each master. */
  get masters(): readonly RedisNode[] {
    return this.nodes;
  }

  /**
   * The connection to the master of this key, and of all keys with the same braces.
   * @throws Problem 503 `unavailable` where there is none.
   */
  at(key: string): RedisNode {
    const node = this.slots === undefined ? this.nodes[0] : this.nodes[this.slots.ownerOf[keySlot(key)]!];
    if (node === undefined) throw unavailable();
    return node;
  }

  /** Calls `listener` after every new connection. */
  onReady(listener: () => void): void {
    this.readyListeners.push(listener);
  }

  /** Calls `listener` when the connections are no longer used, whatever the reason. */
  onDropped(listener: () => void): void {
    this.droppedListeners.push(listener);
  }

  onModuleInit(): void {
    // Never awaited: a service that starts before its Redis waits for it un-ready instead of dying.
    if (this.enabled) void this.connect();
  }

  /** Drops connections that do not answer or are somebody else's, failing all that waits on them, and dials anew. */
  reconnect(): void {
    if (this.nodes.length === 0) return;
    const dropped = this.nodes;
    this.nodes = [];
    this.slots = undefined;
    this.number += 1;
    for (const { client } of dropped) client.destroy();
    for (const listener of this.droppedListeners) listener();
    void this.connect();
  }

  /** What the servers told of their memory when they were last asked; null before. */
  get memory(): RedisServer['memory'] | null {
    return this.seen?.memory ?? null;
  }

  /** Asks the servers, on the connections in use, what they are. Throws where one does not answer. */
  async inspect(): Promise<RedisServer> {
    return (this.seen = await this.ask());
  }

  private async ask(): Promise<RedisServer> {
    const { nodes, slots } = this;
    if (nodes.length === 0) throw new Error('Redis is not connected');
    const servers = await Promise.all(nodes.map((node) => node.inspect()));
    if (slots === undefined) return servers[0]!;
    const maps = await Promise.all(nodes.map(({ client }) => fingerprintOf(client)));
    // What was confirmed of these masters would not hold for whoever has the slots now.
    if (maps.some((map) => map !== slots.fingerprint)) throw new Error('slots of the Cluster have moved');
    return together(servers);
  }

  onModuleDestroy(): void {
    this.closing = true;
    for (const { client } of this.nodes) client.destroy();
    this.nodes = [];
  }

  private async connect(): Promise<void> {
    if (this.dialling) return;
    this.dialling = true;
    for (let tries = 0; !this.closing && this.nodes.length === 0; tries++) {
      const since = performance.now();
      try {
        await this.dialAll(await this.discover!());
      } catch (error) {
        this.logger.warn({ err: error }, 'no connection to Redis');
        const apart = Math.min(20 * 2 ** tries, RECONNECT_MAX_MS - 50) + (tries % 5) * 10;
        await sleep(Math.max(20, apart - (performance.now() - since)));
      }
    }
    this.dialling = false;
  }

  /** All masters or none. */
  private async dialAll({ masters, slots }: Topology): Promise<void> {
    let nodes: readonly RedisNode[] = [];
    let lost = false;
    const onLost = (error: Error) => {
      lost = true;
      if (nodes !== this.nodes) return;
      this.logger.warn({ err: error }, 'Redis connection');
      this.reconnect();
    };
    const dialled = await Promise.allSettled(masters.map((url) => dial(url, this.options, onLost)));
    const clients = dialled.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
    const failed = dialled.find((one) => one.status === 'rejected');
    if (failed !== undefined || lost || this.closing) {
      for (const client of clients) client.destroy();
      throw failed?.reason ?? new Error('lost at once');
    }
    nodes = clients.map((client) => new RedisNode(client));
    this.nodes = nodes;
    this.slots = slots;
    this.number += 1;
    for (const listener of this.readyListeners) listener();
  }
}
