import { Module } from '@nestjs/common';
import { PASSWORD_RULES } from '../http/input.guard.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordPolicy } from './password-policy.js';
import { RememberedPasswords } from './remembered-passwords.js';

/** What a password must be, how it is stored and how it is held to what is stored. */
@Module({
  providers: [
    PasswordHasher,
    PasswordPolicy,
    { provide: PASSWORD_RULES, useExisting: PasswordPolicy },
    { provide: RememberedPasswords, useFactory: () => new RememberedPasswords() },
  ],
  exports: [PasswordHasher, PasswordPolicy, RememberedPasswords],
})
export class PasswordsModule {}
