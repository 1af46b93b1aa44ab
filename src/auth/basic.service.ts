import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Principal } from '../access/principal.js';
import type { Authority } from '../authority/authority.js';
import { AuthorityService } from '../authority/authority.service.js';
import { credential } from '../common/fields.js';
import { Problem, type FieldError } from '../common/problem.js';
import { isUserid } from '../common/secret-token.js';
import { foldUsername } from '../common/username.js';
import { Config } from '../config/config.js';
import type { ClientInfo } from '../http/client-info.js';
import { failClosed } from '../limits/fail-closed.js';
import { ClientGone } from '../passwords/hash-pool.js';
import { RedisService } from '../redis/redis.service.js';
import { PasswordProof, type NameAndPassword } from './password-proof.service.js';

/** Contract, Basic: from when the password was verified, used or not. */
const CACHED_MS = 60_000;

/** Whose credentials a key of the cache stands for, and the epoch that their password was verified under. */
type Entry = readonly [userid: string, username: string, epoch: string];

/**
 * HTTP Basic: a username and password with every call. The password is verified once a minute; between, Redis has the
 * username under a keyed hash of both, which nobody without SECRET_KEY can make or test a guess with. The entry says
 * only that this was the right password at that epoch: what is true of the user is asked each time.
 */
@Injectable()
export class BasicService {
  /** What is being looked up in this process: many calls at once cost one hash. */
  private readonly underway = new Map<string, Promise<Entry>>();

  constructor(
    private readonly config: Config,
    private readonly redis: RedisService,
    private readonly authority: AuthorityService,
    private readonly proof: PasswordProof,
  ) {}

  /**
   * Who has that username and password.
   * @throws Problem `invalid_credentials` for everybody else, as a login; `rate_limited`; `overloaded`; `unavailable`.
   */
  async authenticate(sent: NameAndPassword, client: ClientInfo, gone: AbortSignal): Promise<Principal> {
    checkSize(sent);
    const key = this.keyOf(sent);
    const verify = () => this.verify(key, sent, client, gone);
    const id = `${key} ${client.ip} ${sent.username}`;
    const known = await this.decide(await this.once(id, async () => (await this.find(key)) ?? verify()));
    // It was right once, and the epoch is another one now: so may the password be.
    const principal = known ?? (await this.decide(await this.once(`anew ${id}`, verify)));
    if (principal === null) throw new Problem('invalid_credentials');
    return principal;
  }

  /** Design rules 4 to 6; null where what is true of the user now is not what the password was verified under. */
  private async decide([userid, username, epoch]: Entry): Promise<Principal | null> {
    const authority = await this.authority.current(userid);
    if (authority === null || !admits(authority, epoch)) return null;
    return { userid, username, roles: authority.roles, mode: 'basic', session: null };
  }

  /** The same question from the same address, asked while the first one is under way, takes its answer. */
  private async once(id: string, look: () => Promise<Entry>): Promise<Entry> {
    for (;;) {
      const running = this.underway.get(id);
      if (running === undefined) break;
      const found = await running.catch((error: unknown) => {
        if (error instanceof ClientGone) return null;
        throw error;
      });
      if (found !== null) return found;
    }
    const looking = look().finally(() => this.underway.delete(id));
    this.underway.set(id, looking);
    return looking;
  }

  private async verify(key: string, sent: NameAndPassword, client: ClientInfo, gone: AbortSignal): Promise<Entry> {
    const { userid, username, epoch } = await this.proof.prove('basic', sent, client, gone);
    const entry: Entry = [userid, username, epoch];
    // A full Redis refuses it: then the next call is verified again.
    await this.redis
      .at(key)
      .store.set(key, entry, CACHED_MS)
      .catch(() => undefined);
    return entry;
  }

  private async find(key: string): Promise<Entry | null> {
    const entry = await failClosed(() => this.redis.at(key).store.get<unknown>(key));
    return isEntry(entry) ? entry : null;
  }

  /** Spellings of a username share the entry; one that is no username never gets one. NUL is in neither part. */
  private keyOf({ username, password }: NameAndPassword): string {
    const name = foldUsername(username) ?? '';
    const text = `basic v1\0${name}\0${password.normalize('NFC')}`;
    return `basic:${createHmac('sha256', this.config.secretKey!).update(text).digest('base64url')}`;
  }
}

/** What stands there may be anything that somebody else has put there. */
function isEntry(value: unknown): value is Entry {
  return Array.isArray(value) && value.length === 3 && isUserid(value[0]);
}

function admits({ status, epoch, roles }: Authority, verifiedUnder: string): boolean {
  return status === 'active' && epoch === verifiedUnder && !roles.includes('app');
}

/** Only the size is judged here, as at every login (contract). */
function checkSize(sent: NameAndPassword): void {
  const errors = (['username', 'password'] as const).flatMap((field) => faultOf(field, credential, sent[field]));
  if (errors.length > 0) throw new Problem('invalid_request', { errors });
}

function faultOf(field: string, schema: z.ZodType, value: string): FieldError[] {
  const { error } = schema.safeParse(value);
  return error === undefined ? [] : [{ field, message: error.issues[0]!.message }];
}
