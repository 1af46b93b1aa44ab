import type { EntityManager } from 'typeorm';
import type { Principal } from '../access/principal.js';
import { Problem } from '../common/problem.js';

/** A user's row under a lock, and the whole epoch. */
export interface LockedUser {
  readonly userid: string;
  readonly username: string;
  readonly status: 'active' | 'disabled' | 'deleted';
  readonly password_hash: string | null;
  /** `<world>.<own>` */
  readonly epoch: string;
}

export interface LockedRows {
  /** The one in force; another waits for this transaction. */
  readonly generation: string;
  /** Null where there never was such a user. */
  readonly target: LockedUser | null;
  readonly actor: LockedUser | null;
}

interface Wanted {
  readonly target: string;
  readonly actor?: Principal;
  readonly actorRoles?: readonly string[];
  readonly targetEpoch?: string;
  readonly lockAdmins?: boolean;
}

/**
 * Locks what a change looks at, always in this order: the world's number (shared, so that ending everybody's sessions
 * waits for changes in flight), the admin role where asked, then actor and target in the order of their ids.
 */
export async function lockRows(
  tx: EntityManager,
  wanted: Wanted,
  targetLock: 'FOR UPDATE' | 'FOR SHARE' = 'FOR UPDATE',
): Promise<LockedRows> {
  const { world, generation } = await lockGeneration(tx);
  if (wanted.lockAdmins) await tx.query(`SELECT 1 FROM roles WHERE name = 'admin' FOR NO KEY UPDATE`);
  const ids = [...new Set([wanted.target, wanted.actor?.userid ?? wanted.target])].sort();
  const locked = new Map<string, LockedUser>();
  for (const userid of ids) {
    const lock = userid === wanted.target ? targetLock : 'FOR SHARE';
    const [row]: LockedUser[] = await tx.query(
      `SELECT userid, username, status, password_hash, $2::text || '.' || epoch AS epoch
       FROM users WHERE userid = $1 ${lock}`,
      [userid, world],
    );
    if (row) locked.set(userid, row);
  }
  const actor = wanted.actor === undefined ? null : (locked.get(wanted.actor.userid) ?? null);
  return { generation, target: locked.get(wanted.target) ?? null, actor };
}

/** The generation in force and the world's number; whoever wants to replace them waits for this transaction. */
export async function lockGeneration(tx: EntityManager): Promise<{ generation: string; world: string }> {
  const [row]: { generation: string; world: string }[] = await tx.query(
    'SELECT generation, world FROM generation FOR SHARE',
  );
  if (row === undefined) throw new Problem('unavailable');
  return row;
}

/**
 * Waits for every change under way and lets none begin until this transaction has ended. The table's lock and not the
 * row's: that would wait for as long as changes overlap, since one that shares it may come in before who waits for it alone.
 */
export async function shutOutChanges(tx: EntityManager): Promise<void> {
  await tx.query('LOCK TABLE generation IN EXCLUSIVE MODE');
}

/** Nobody deletes the role before this transaction has ended; 404 where somebody has. */
export async function keepRole(tx: EntityManager, role: string): Promise<void> {
  const locked: unknown[] = await tx.query('SELECT 1 FROM roles WHERE name = $1 FOR KEY SHARE', [role]);
  if (locked.length === 0) throw new Problem('not_found');
}

/**
 * The actor once more, now that nothing can change under it (design rule 9): still active, its session's epoch still
 * the current one, the session not ended, its apitoken still live, a role it came with still held; and where a
 * password was verified, the target's epoch still the one read beside the hash. Else 401 and nothing is changed.
 */
export async function checkActor(tx: EntityManager, wanted: Wanted, rows: LockedRows): Promise<void> {
  if (wanted.targetEpoch !== undefined && rows.target?.epoch !== wanted.targetEpoch) {
    throw new Problem('invalid_credentials');
  }
  if (wanted.actor === undefined) return;
  const session = wanted.actor.session;
  if (session === null || rows.actor?.status !== 'active' || rows.actor.epoch !== session.epoch) throw stale();
  const [still]: { ended: boolean; live: boolean; holds: boolean }[] = await tx.query(
    `SELECT EXISTS (SELECT 1 FROM session_ends WHERE sid = $1) AS ended,
       EXISTS (SELECT 1 FROM apitokens WHERE id = $2 AND userid = $3
         AND (expires_at IS NULL OR expires_at > now())) AS live,
       EXISTS (SELECT 1 FROM user_roles WHERE userid = $3 AND role = ANY($4)) AS holds`,
    [session.sid, session.apitokenId, wanted.actor.userid, wanted.actorRoles ?? []],
  );
  if (still === undefined || still.ended) throw stale();
  if (session.apitokenId !== null && !still.live) throw stale();
  if (wanted.actorRoles !== undefined && !still.holds) throw stale();
}

function stale(): Problem {
  return new Problem('unauthenticated');
}
