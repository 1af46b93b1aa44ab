import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { decodeCopy } from '../authority/authority.js';
import { AuthorityService } from '../authority/authority.service.js';
import { TruthService, type Ticket } from '../authority/truth.service.js';
import { unavailable } from '../common/problem.js';
import { isSecretOf, type SecretToken } from '../common/secret-token.js';
import { RedisService } from '../redis/redis.service.js';
import { Script } from '../redis/script.js';
import type { NewSession, Session } from './session.js';
import { decodeSession, type SessionRecord, type StoredSession } from './session-codec.js';
import { SessionStore, type Found } from './session-store.js';

const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * How long after it was sent a creation may still be carried out. One that a frozen Redis finds in its socket later was
 * answered 503 and leaves nothing.
 */
const CREATE_WITHIN_MS = 1000;

/**
 * KEYS session, index; ARGV record, sid, absolute ms, latest absolute end or '', deadline in Unix ms. Redis's clock
 * gives every time. 0: too late.
 */
const CREATE = new Script(`${NOW}
if now > tonumber(ARGV[5]) then return 0 end
local record = cjson.decode(ARGV[1])
local ending = now + tonumber(ARGV[3])
if ARGV[4] ~= '' and tonumber(ARGV[4]) < ending then ending = tonumber(ARGV[4]) end
if ending <= now then return false end
if record[6] == 0 then record[6] = now end
record[7], record[8], record[9] = now, now, ending
redis.call('SET', KEYS[1], cjson.encode(record), 'PX', math.min(record[10], ending - now))
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], ending, ARGV[2])
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[2], last[2])
return cjson.encode(record)`);

/** Changes the time of the last use and nothing else, and never makes a key (design rule 12). */
const TOUCH = new Script(`${NOW}
local value = redis.call('GET', KEYS[1])
if not value then return end
local record = cjson.decode(value)
if record[9] <= now then return end
record[8] = now
redis.call('SET', KEYS[1], cjson.encode(record), 'XX', 'PX', math.min(record[10], record[9] - now))`);

/** Sets the generation where it still is the one that was read, and never makes a key (design rules 5 and 12). */
const STAMP = new Script(`local value = redis.call('GET', KEYS[1])
if not value then return end
local record = cjson.decode(value)
if record[4] ~= ARGV[1] then return end
record[4] = ARGV[2]
redis.call('SET', KEYS[1], cjson.encode(record), 'XX', 'KEEPTTL')`);

/** Stands in the place of the generation where only Postgres may decide; nothing stamps over it. */
const FENCED = '!';

/** Never makes a key; flagged so that a full Redis cannot stop somebody from logging out. */
const FENCE = new Script(`#!lua flags=allow-oom
local value = redis.call('GET', KEYS[1])
if not value then return end
local record = cjson.decode(value)
record[4] = '${FENCED}'
redis.call('SET', KEYS[1], cjson.encode(record), 'XX', 'KEEPTTL')`);

const REMOVE = new Script(`redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])`);

/** The key of a session. */
export function sessionKey(userid: string, sid: string): string {
  return `session:{${userid}}:${sid}`;
}

/** Sids by absolute end. */
function indexKey(userid: string): string {
  return `sessions:{${userid}}`;
}

/** Sessions in Redis, which may lose them or bring old ones back; Postgres says what that must not change. */
@Injectable()
export class RedisSessionStore extends SessionStore {
  /** Sessions that Redis has, perhaps, and whose creation was answered 503: sid to userid. */
  private readonly untold = new Map<string, string>();

  constructor(
    protected readonly redis: RedisService,
    protected readonly truth: TruthService,
    private readonly authority: AuthorityService,
  ) {
    super();
    redis.onReady(() => void this.takeBackAll());
  }

  async create(session: NewSession): Promise<Session | null> {
    const ticket = this.truth.begin();
    const { sid, userid, notAfter } = session;
    const keys: [string, string] = [sessionKey(userid, sid), indexKey(userid)];
    const deadline = Math.ceil(this.redis.at(keys[0]).nowMs + CREATE_WITHIN_MS);
    const args = [record(session, ticket.generation), sid, session.absoluteMs, notAfter ?? '', deadline];
    let made: unknown;
    try {
      made = await this.guarded(CREATE.run(this.redis, keys, args));
      if (made === 0) throw unavailable();
      this.truth.require(ticket);
    } catch (error) {
      this.takeBack(session);
      throw error;
    }
    if (typeof made !== 'string') return null;
    return decodeSession(userid, sid, JSON.parse(made))?.session ?? null;
  }

  /** Nobody is told of this session, so nobody may find it: out with it now, or when Redis can be asked again. */
  private takeBack({ userid, sid }: NewSession): void {
    this.untold.set(sid, userid);
    void this.takeBackAll();
  }

  private async takeBackAll(): Promise<void> {
    for (const [sid, userid] of this.untold) {
      try {
        await REMOVE.run(this.redis, [sessionKey(userid, sid), indexKey(userid)], [sid]);
      } catch {
        return;
      }
      this.untold.delete(sid);
    }
  }

  /** Design rules 4 to 6: one round trip where the copy stands; else Postgres decides, once. */
  async authenticate(userid: string, { id: sid, secret }: SecretToken): Promise<Found | null> {
    const ticket = this.truth.begin();
    const key = sessionKey(userid, sid);
    const [value, copy] = await this.read([key, AuthorityService.key(userid, ticket.generation)]);
    this.truth.require(ticket);
    return this.decide(ticket, decodeSession(userid, sid, value), copy, secret);
  }

  /** By what was read under this ticket, whose lease was looked at since. */
  protected decide(
    ticket: Ticket,
    stored: StoredSession | null,
    copy: unknown,
    secret: string,
  ): Found | null | Promise<Found | null> {
    if (stored === null || !isSecretOf(secret, stored.session.secretHash)) return null;
    const authority = stored.generation === ticket.generation ? decodeCopy(copy) : null;
    if (authority !== null) return { session: stored.session, authority, by: 'redis' };
    return this.decideByPostgres(ticket, stored, copy === undefined);
  }

  async touch(session: Session): Promise<void> {
    // A full Redis refuses it: then the idle time is not prolonged, and the call is decided all the same.
    await TOUCH.run(this.redis, [sessionKey(session.userid, session.sid)]).catch(() => undefined);
  }

  async list(userid: string): Promise<Session[]> {
    const ticket = this.truth.begin();
    const { client } = this.redis.at(indexKey(userid));
    const sids = await this.guarded(client.zRange(indexKey(userid), 0, -1));
    const sessions: Session[] = [];
    if (sids.length > 0) {
      const values = await this.read(sids.map((sid) => sessionKey(userid, sid)));
      sids.forEach((sid, at) => {
        const stored = decodeSession(userid, sid, values[at]);
        if (stored) sessions.push(stored.session);
      });
    }
    this.truth.require(ticket);
    return sessions;
  }

  async fence(tx: EntityManager, userid: string, sid: string): Promise<void> {
    const ticket = await this.authority.holdGeneration(tx);
    await this.guarded(FENCE.run(this.redis, [sessionKey(userid, sid)]));
    this.truth.require(ticket);
  }

  nowMs(userid: string): number {
    return this.redis.at(indexKey(userid)).nowMs;
  }

  async remove(userid: string, sid: string): Promise<void> {
    await this.truth.settle(async () => {
      await REMOVE.run(this.redis, [sessionKey(userid, sid), indexKey(userid)], [sid]);
    });
  }

  private async decideByPostgres(ticket: Ticket, stored: StoredSession, noCopy: boolean): Promise<Found | null> {
    const { session, generation } = stored;
    const placeholder = noCopy ? await this.authority.announceFill(session.userid, ticket.generation) : null;
    const truth = await this.authority.ask(session.userid, session.sid);
    this.truth.require(ticket);
    if (truth === null) return null;
    if (placeholder !== null)
      await this.authority.fill(session.userid, ticket.generation, placeholder, truth.authority);
    if (truth.ended) return null;
    if (generation !== ticket.generation && generation !== FENCED) {
      const key = sessionKey(session.userid, session.sid);
      // Stamped with the generation this request began under; left out where a full Redis refuses.
      await STAMP.run(this.redis, [key], [generation, ticket.generation]).catch(() => undefined);
    }
    return { session, authority: truth.authority, by: 'postgres' };
  }

  /** The values of one user's keys; what is no JSON is somebody else's and counts as nothing. */
  protected async read(keys: string[]): Promise<unknown[]> {
    const { client, store } = this.redis.at(keys[0]!);
    try {
      return await store.mget(...keys);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw unavailable(error);
      return (await this.guarded(client.mGet(keys))).map((text) => parsed(text));
    }
  }

  protected async guarded<T>(reply: Promise<T>): Promise<T> {
    try {
      return await reply;
    } catch (error) {
      throw unavailable(error);
    }
  }
}

/** Null stands for what is there but no JSON: Postgres is asked, and nothing filled in its place. */
function parsed(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function record(session: NewSession, generation: string): string {
  const value: SessionRecord = [
    session.secretHash,
    session.mode === 'web' ? 'w' : 't',
    session.epoch,
    generation,
    session.apitokenId ?? '',
    session.authTime ?? 0,
    0,
    0,
    0,
    session.idleMs,
    session.ip,
    session.userAgent,
    session.deviceName ?? '',
  ];
  return JSON.stringify(value);
}
