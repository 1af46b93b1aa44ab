/** What is true of a user right now, as the truth (Postgres) has it. */
export interface Authority {
  readonly username: string;
  readonly status: 'active' | 'disabled' | 'deleted';
  /** Sorted, `user` always among them. */
  readonly roles: readonly string[];
  /** `<world>.<own>`: a session is honoured only while it bears this one (design rule 10). */
  readonly epoch: string;
  /** Ids of the apitokens that are neither deleted nor expired. */
  readonly apitokens: readonly string[];
}

/** The columns of an `Authority`, for a query over `users u` and `generation g`. */
export const AUTHORITY_COLUMNS = `u.username, u.status, g.world || '.' || u.epoch AS authority_epoch,
  ARRAY(SELECT role FROM user_roles WHERE userid = u.userid) AS roles,
  ARRAY(SELECT id FROM apitokens WHERE userid = u.userid AND (expires_at IS NULL OR expires_at > now())) AS apitokens`;

export interface AuthorityRow {
  username: string;
  status: Authority['status'];
  authority_epoch: string;
  roles: string[];
  apitokens: string[];
}

export function authorityFromRow(row: AuthorityRow): Authority {
  return {
    username: row.username,
    status: row.status,
    roles: [...row.roles, 'user'].sort(),
    epoch: row.authority_epoch,
    apitokens: row.apitokens,
  };
}

/** The copy in Redis: the fields of an `Authority` in this order. */
type Copy = [username: string, status: Authority['status'], roles: string[], epoch: string, apitokens: string[]];

export function encodeCopy({ username, status, roles, epoch, apitokens }: Authority): string {
  return JSON.stringify([username, status, roles, epoch, apitokens]);
}

/** The authority in a parsed Redis value; null for a placeholder, the fence, or anything else that is no copy. */
export function decodeCopy(value: unknown): Authority | null {
  if (!Array.isArray(value) || value.length !== 5 || !Array.isArray(value[2]) || !Array.isArray(value[4])) return null;
  const [username, status, roles, epoch, apitokens] = value as Copy;
  return { username, status, roles, epoch, apitokens };
}
