import { Injectable } from '@nestjs/common';
import type { FieldError } from '../common/problem.js';
import { Config } from '../config/config.js';
import { loadBlocklist } from './blocklist.js';
import { repeatedPart, reverse, weight } from './predictable.js';

/** Code points after NFC, which are 512 bytes at most (contract). */
const MAX_LENGTH = 128;
/** What is sent may be decomposed and longer. Nothing is normalised that is longer than a login may send. */
const MAX_BYTES = 1024;
/** The service's own name; `PASSWORD_CONTEXT_WORDS` adds those of the house. */
const SERVICE_WORDS = ['postern'];
/** A common password with no more than this added is still one: eight digits are 10^8 tries, a day for a stolen hash. */
const FEW = 8;
/** A shorter word within a password is taken for chance. */
const SHORTEST_WORD = 3;
/** Who names a shorter word has thought of it. */
const SHORTEST_CONTEXT_WORD = 2;
const SHORTEST_COMMON = 4;

const EDGES = /^[^\p{L}]+|[^\p{L}]+$/gu;
const NOT_LETTERS = /[^\p{L}\p{M}]/gu;
const NOT_LETTERS_OR_DIGITS = /[^\p{L}\p{M}\p{N}]/gu;
/** What is written for a letter, between letters. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/** Part of a password, and how much stands beside it. */
interface Form {
  readonly text: string;
  readonly besideWeight: number;
}

/** What a new password must be (contract). No composition rules: NIST SP 800-63B-4 forbids them. */
@Injectable()
export class PasswordPolicy {
  readonly #common = loadBlocklist();
  readonly #contextWords: readonly string[];

  constructor(private readonly config: Config) {
    this.#contextWords = [...SERVICE_WORDS, ...config.passwordContextWords].flatMap((word) =>
      variants(word, SHORTEST_CONTEXT_WORD),
    );
  }

  /**
   * Why `password` may not be `username`'s: no error or one, on `field`, in words for people and without the
   * password. Bounds come first, so that nothing long is looked at.
   */
  check(password: string, username: string, field: string): FieldError[] {
    const message = this.#boundsMessage(password) ?? this.#blocklistMessage(password, username);
    return message === null ? [] : [{ field, message }];
  }

  #boundsMessage(password: string): string | null {
    if (Buffer.byteLength(password) > MAX_BYTES) return `must be at most ${MAX_BYTES} bytes long`;
    if (!password.isWellFormed()) return 'must be well-formed Unicode text';
    if (password.includes('\0')) return 'must not contain the character U+0000';
    const length = [...password.normalize('NFC')].length;
    if (length < this.config.passwordMinLength) {
      return `must be at least ${this.config.passwordMinLength} characters long`;
    }
    return length > MAX_LENGTH ? `must be at most ${MAX_LENGTH} characters long` : null;
  }

  #blocklistMessage(password: string, username: string): string | null {
    const folded = fold(password);
    if (this.#isShort(folded)) {
      return 'must not be made of runs such as aaaa, 1234, abcd or qwerty';
    }
    const forms = formsOf(folded);
    if (forms.some(({ text }) => this.#isMostly(text, variants(username)))) {
      return 'must not be the username with little added';
    }
    if (forms.some(({ text }) => this.#isMostly(text, this.#contextWords))) {
      return 'must not be a word that goes with this service with little added';
    }
    if (forms.some((form) => this.#isCommon(form))) {
      return 'must not be a common password, nor one with digits or signs added: choose several unrelated words';
    }
    return forms.some((form) => this.#isRepetition(form)) ? 'must not be one short part again and again' : null;
  }

  #isCommon({ text, besideWeight }: Form): boolean {
    return text.length >= SHORTEST_COMMON && besideWeight <= FEW && this.#common.has(text);
  }

  /** A part of several words may be repeated; a short one is guessed as quickly as written once. */
  #isRepetition({ text, besideWeight }: Form): boolean {
    const part = besideWeight <= FEW ? repeatedPart(text) : null;
    return part !== null && this.#isShort(part);
  }

  /** Less than half as long as a password must be, runs counted short. */
  #isShort(text: string): boolean {
    return weight(text) * 2 < this.config.passwordMinLength;
  }

  /** Whether nothing but digits, signs or a common password is left without one of the words. */
  #isMostly(text: string, words: readonly string[]): boolean {
    return words.some((word) => {
      if (!text.includes(word)) return false;
      const rest = text.replaceAll(word, '').replace(NOT_LETTERS, '');
      return rest === '' || (rest.length >= SHORTEST_COMMON && this.#common.has(rest));
    });
  }
}

/** Compatibility forms (full-width letters, ligatures) and case make no other password here. */
function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** The word forwards and backwards, with and without its digits and signs. */
function variants(word: string, shortest = SHORTEST_WORD): string[] {
  const folded = fold(word);
  const plain = [folded, folded.replace(NOT_LETTERS_OR_DIGITS, ''), folded.replace(NOT_LETTERS, '')];
  return [...new Set([...plain, ...plain.map(reverse)])].filter((variant) => variant.length >= shortest);
}

/** The whole; without signs; without what is around the letters, plain and with look-alikes read; letters alone. */
function formsOf(folded: string): Form[] {
  const core = folded.replace(EDGES, '');
  const edges = weight((folded.match(EDGES) ?? []).join(''));
  const read = [...core].map((point) => LOOK_ALIKES[point] ?? point).join('');
  return [
    { text: folded, besideWeight: 0 },
    { text: core, besideWeight: edges },
    { text: read, besideWeight: edges },
    without(folded, NOT_LETTERS_OR_DIGITS),
    without(folded, NOT_LETTERS),
  ];
}

function without(folded: string, pattern: RegExp): Form {
  return { text: folded.replace(pattern, ''), besideWeight: weight((folded.match(pattern) ?? []).join('')) };
}
