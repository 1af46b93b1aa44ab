import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Principal } from '../access/principal.js';
import { Problem, unavailable } from '../common/problem.js';
import { prepared } from '../database/prepared.js';
import { inTransaction } from '../database/transaction.js';
import { RedisService } from '../redis/redis.service.js';
import { Script } from '../redis/script.js';
import {
  AUTHORITY_COLUMNS,
  authorityFromRow,
  decodeCopy,
  encodeCopy,
  type Authority,
  type AuthorityRow,
} from './authority.js';
import { checkActor, lockGeneration, lockRows, shutOutChanges, type LockedRows } from './locked-rows.js';
import { TruthService, type Ticket } from './truth.service.js';

/** How long a copy may serve; it is dropped at every change anyway. */
const COPY_MS = 300_000;
/** How long a reader may take between its placeholder and its copy. */
const PLACEHOLDER_MS = 10_000;

/**
 * How long a fence stands, in ms. The one before the COMMIT as long as anybody may wait for that: a synchronous standby that
 * is away holds it up for hours, while its outcome is unknown. The one after it, until whoever has read the old row is done.
 */
const FENCE_MS = { beforeCommit: 86_400_000, afterwards: 30_000 } as const;

/** Flagged, as the next one, so that a full Redis cannot stop somebody from being disabled. ARGV: the fence, its ms. */
const FENCE = new Script(`#!lua flags=allow-oom
return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])`);

/** The same, but a fence of another change, which may still wait for its COMMIT, is left as it stands. */
const FENCE_AGAIN = new Script(`#!lua flags=allow-oom
local standing = redis.call('GET', KEYS[1])
if standing and standing ~= ARGV[1] and string.sub(standing, 1, 2) == '"!' then return end
return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])`);

/** Sets the copy only where the placeholder of this very reader still stands. */
const FILL = new Script(`if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end`);

/** $1 userid, $2 sid or null. */
const ASK = prepared(`SELECT ${AUTHORITY_COLUMNS}, EXISTS (SELECT 1 FROM session_ends WHERE sid = $2) AS ended
  FROM users u, generation g WHERE u.userid = $1`);

/** The user's own half of the epoch +1: every session is over. Gives the whole new epoch. */
export async function raiseEpoch(tx: EntityManager, userid: string): Promise<string> {
  const [rows]: [{ epoch: string }[], number] = await tx.query(
    `UPDATE users SET epoch = epoch + 1 WHERE userid = $1
     RETURNING (SELECT world FROM generation) || '.' || epoch AS epoch`,
    [userid],
  );
  return rows[0]!.epoch;
}

/** Who changes what: everything that is locked and looked at again before a change. */
export interface Change {
  /** Whose authority changes: the fence is set around this user. */
  readonly target: string;
  /** Who asked; absent for what carries its own proof (a reset code) and for the host's commands. */
  readonly actor?: Principal;
  /** The actor still holds one of these. */
  readonly actorRoles?: readonly string[];
  /** The target's epoch that was read beside the password hash which has just been verified. */
  readonly targetEpoch?: string;
  /** Set where the last admin could go. */
  readonly lockAdmins?: boolean;
}

/** What is true of a user right now: one query, one cached copy, the fence around every change. */
@Injectable()
export class AuthorityService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly redis: RedisService,
    private readonly truth: TruthService,
  ) {}

  /** The key of the copy; the braces keep a user's keys in one Cluster slot, the generation outdates old copies. */
  static key(userid: string, generation: string): string {
    return `authority:{${userid}}:${generation}`;
  }

  /** Asks Postgres; null where there never was such a user. `ended`: the session `sid` is over. */
  async ask(userid: string, sid: string | null): Promise<{ authority: Authority; ended: boolean } | null> {
    const rows: (AuthorityRow & { ended: boolean })[] = await this.dataSource.query(ASK, [userid, sid]);
    return rows[0] === undefined ? null : { authority: authorityFromRow(rows[0]), ended: rows[0].ended };
  }

  /**
   * What is true of the user, by the copy where one stands, else by Postgres (design rules 4 to 6); null where there
   * never was such a user. For the Redis store.
   */
  async current(userid: string): Promise<Authority | null> {
    const ticket = this.truth.begin();
    const value = await this.copyOf(userid, ticket.generation);
    this.truth.require(ticket);
    const copy = decodeCopy(value);
    if (copy !== null) return copy;
    const placeholder = value === undefined ? await this.announceFill(userid, ticket.generation) : null;
    const truth = await this.ask(userid, null);
    this.truth.require(ticket);
    if (truth === null) return null;
    if (placeholder !== null) await this.fill(userid, ticket.generation, placeholder, truth.authority);
    return truth.authority;
  }

  /**
   * Announces that this reader will fill the user's copy (design rule 6): before it reads Postgres, so that a change
   * in between removes the announcement. Null where something stands there already, or Redis takes nothing more.
   */
  async announceFill(userid: string, generation: string): Promise<string | null> {
    const placeholder = JSON.stringify(`?${randomUUID()}`);
    const key = AuthorityService.key(userid, generation);
    try {
      const answer = await this.redis.at(key).client.set(key, placeholder, { NX: true, PX: PLACEHOLDER_MS });
      return answer === 'OK' ? placeholder : null;
    } catch {
      return null;
    }
  }

  /** Fills the copy where this reader's placeholder still stands; left out where Redis refuses. */
  async fill(userid: string, generation: string, placeholder: string, authority: Authority): Promise<void> {
    const key = AuthorityService.key(userid, generation);
    await FILL.run(this.redis, [key], [placeholder, encodeCopy(authority), COPY_MS]).catch(() => undefined);
  }

  /**
   * A change of somebody's rights, credentials or epoch (design rules 7 and 9). Locks actor and target, looks at both
   * again (else 401 `unauthenticated`, nothing changed), runs `work`, and resolves when no process on any machine can
   * honour the old state. 503 `unavailable`: nothing changed; 503 `outcome_unknown`: perhaps.
   */
  async change<T>(change: Change, work: (tx: EntityManager, rows: LockedRows) => Promise<T>): Promise<T> {
    const ticket = this.truth.begin();
    const fence = JSON.stringify(`!${randomUUID()}`);
    let fenced = false;
    const changed = inTransaction(this.dataSource, async (tx) => {
      const rows = await lockRows(tx, change);
      this.requireGeneration(rows.generation, ticket);
      await checkActor(tx, change, rows);
      const done = await work(tx, rows);
      fenced = true;
      await this.fence(FENCE, change.target, ticket.generation, [fence, FENCE_MS.beforeCommit]);
      this.truth.require(ticket);
      return done;
    });
    const fenceAgain = (generation: string) =>
      this.fence(FENCE_AGAIN, change.target, generation, [fence, FENCE_MS.afterwards]);
    const result = await changed.catch(async (error: unknown) => {
      // Rolled back: nobody need ask Postgres for a day.
      const isOver = !(error instanceof Problem && error.code === 'outcome_unknown');
      if (fenced && isOver) await fenceAgain(ticket.generation).catch(() => undefined);
      throw error;
    });
    await this.truth.settle(fenceAgain);
    return result;
  }

  /**
   * A change that touches nobody's authority (a role, an area's list, a new user), or that ends one session: the actor
   * is looked at again inside the transaction (else 401 `unauthenticated`, nothing changed); no fence. 503 as `change`.
   * @param roles the actor still holds one of these; null where any account will do
   */
  async adminChange<T>(
    actor: Principal,
    roles: readonly string[] | null,
    work: (tx: EntityManager) => Promise<T>,
  ): Promise<T> {
    const ticket = this.truth.begin();
    const change: Change = { target: actor.userid, actor, ...(roles === null ? {} : { actorRoles: roles }) };
    const result = await inTransaction(this.dataSource, async (tx) => {
      await checkActor(tx, change, await lockRows(tx, change, 'FOR SHARE'));
      const done = await work(tx);
      this.truth.require(ticket);
      return done;
    });
    await this.truth.settle(() => Promise.resolve());
    return result;
  }

  /**
   * The ticket of a transaction that is about to change what Redis knows. It holds to the COMMIT: who wants to serve
   * under another generation waits for this one, and then finds in Postgres what it changed. 503 `unavailable`.
   */
  async holdGeneration(tx: EntityManager): Promise<Ticket> {
    const ticket = this.truth.begin();
    this.requireGeneration((await lockGeneration(tx)).generation, ticket);
    return ticket;
  }

  /** With sessions in Postgres there is nothing that another generation could have outdated. */
  private requireGeneration(inForce: string, ticket: Ticket): void {
    if (this.redis.enabled && inForce !== ticket.generation) throw unavailable();
  }

  /** Everybody's sessions are over when this resolves, after one lease in which all processes answer 503. */
  async endAllSessions(actor: Principal | null, audit: (tx: EntityManager) => Promise<void>): Promise<void> {
    this.truth.begin();
    const replaced = await inTransaction(this.dataSource, async (tx) => {
      await shutOutChanges(tx);
      const [row]: { generation: string; lease_ms: number }[] = await tx.query(
        'SELECT generation, lease_ms FROM generation',
      );
      if (row === undefined) throw new Problem('unavailable');
      if (actor !== null) {
        const change = { target: actor.userid, actor, actorRoles: ['admin'] };
        await checkActor(tx, change, await lockRows(tx, change));
      }
      await tx.query('UPDATE generation SET world = world + 1, generation = $1', [randomUUID()]);
      await audit(tx);
      return row;
    });
    await this.truth.leftBehind(replaced.generation, replaced.lease_ms + 4000);
  }

  private async copyOf(userid: string, generation: string): Promise<unknown> {
    const key = AuthorityService.key(userid, generation);
    try {
      return await this.redis.at(key).store.get(key);
    } catch (error) {
      throw unavailable(error);
    }
  }

  private async fence(script: Script, userid: string, generation: string, args: [string, number]): Promise<void> {
    if (!this.redis.enabled) return;
    try {
      await script.run(this.redis, [AuthorityService.key(userid, generation)], args);
    } catch (error) {
      throw unavailable(error);
    }
  }
}
