import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { HashLane } from '../passwords/hash-lanes.js';
import { PasswordHasher } from '../passwords/password-hasher.js';

/** Password hashes that were made by other parameters than today's are made anew when their password is proved. */
@Injectable()
export class Rehashing {
  constructor(
    private readonly hasher: PasswordHasher,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /**
   * Stores a hash by today's parameters in place of `passwordHash`. Left out where the hashers have no time for it: the
   * next login tries again. Compare-and-set: a password that was changed meanwhile stays changed.
   */
  async renew(
    { userid, passwordHash }: { readonly userid: string; readonly passwordHash: string | null },
    password: string,
    lane: HashLane,
  ): Promise<void> {
    const hash = await this.hasher.hash(password, { lane }).catch(() => null);
    if (hash === null) return;
    const sql = 'UPDATE users SET password_hash = $1 WHERE userid = $2 AND password_hash = $3';
    await this.dataSource.query(sql, [hash, userid, passwordHash]);
  }
}
