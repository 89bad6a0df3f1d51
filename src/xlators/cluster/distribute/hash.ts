import { encodeText } from '../../../xdr/index.ts';

/** sqrt(5) - 1, scaled: the constant of the Tiny Encryption Algorithm. */
const DELTA = 0x9e3779b9;
const FULL_ROUNDS = 10;
const PART_ROUNDS = 6;

/**
 * GlusterFS's hash of a name: Davies-Meyer over TEA, 32 bits. Blocks of 16 bytes as little-endian words go through six
 * rounds each; what is left (even nothing) goes, padded by the length, through ten.
 */
export function daviesMeyer(bytes: Uint8Array): number {
  const state: [number, number] = [0x9464a485 | 0, 0x542e1a94];
  const size = bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  let at = 0;
  for (; size - at >= 16; at += 16) {
    const word = (index: number): number => view.getInt32(at + index * 4, true);
    mix(state, PART_ROUNDS, word(0), word(1), word(2), word(3));
  }
  const short = size | (size << 8);
  const pad = short | (short << 16);
  const words: number[] = [];
  for (; size - at >= 4; at += 4) words.push(view.getInt32(at, true));
  if (at < size) {
    let last = pad;
    // Bytes are signed on the servers' usual CPU: one from 0x80 up smears ones over all above it.
    for (; at < size; at++) last = (last << 8) | view.getInt8(at);
    words.push(last);
  }
  while (words.length < 4) words.push(pad);
  mix(state, FULL_ROUNDS, words[0]!, words[1]!, words[2]!, words[3]!);
  return (state[0] ^ state[1]) >>> 0;
}

function mix(state: [number, number], rounds: number, a: number, b: number, c: number, d: number): void {
  let [b0, b1] = state;
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    sum = (sum + DELTA) | 0;
    b0 = (b0 + ((((b1 << 4) + a) | 0) ^ ((b1 + sum) | 0) ^ (((b1 >>> 5) + b) | 0))) | 0;
    b1 = (b1 + ((((b0 << 4) + c) | 0) ^ ((b0 + sum) | 0) ^ (((b0 >>> 5) + d) | 0))) | 0;
  }
  state[0] = (state[0] + b0) | 0;
  state[1] = (state[1] + b1) | 0;
}

/** rsync writes `.name.XXXXXX` and renames it to `name`: hashed as `name`, the rename need not move it. */
const RSYNC_DEFAULT = '^\\.(.+)\\.[^.]+$';

/** Turns names into hashes, after what the options `rsync-hash-regex` and `extra-hash-regex` make of them. */
export class NameHash {
  private readonly rsync: RegExp | undefined;
  private readonly extra: RegExp | undefined;

  constructor(rsyncRegex?: string, extraRegex?: string) {
    this.rsync = compile(rsyncRegex ?? RSYNC_DEFAULT);
    this.extra = extraRegex === undefined ? undefined : compile(extraRegex);
  }

  /** The part of a name that is hashed. At most one of the expressions is applied, `extra` first. */
  munge(name: string): string {
    return firstGroup(this.extra, name) ?? firstGroup(this.rsync, name) ?? name;
  }

  hash(name: string): number {
    return daviesMeyer(encodeText(this.munge(name)));
  }
}

function firstGroup(expression: RegExp | undefined, name: string): string | undefined {
  return expression?.exec(name)?.[1];
}

const CLASSES: Readonly<Record<string, string>> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: 'A-Za-z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  space: '\\s',
  blank: ' \\t',
  punct: '!-\\/:-@\\[-`{-~',
  xdigit: '0-9A-Fa-f',
};

/**
 * A POSIX extended expression in JavaScript's terms: `.` and `[^…]` take newlines too, `$` is only the very end, and a
 * bracket expression knows classes and no escapes. What doesn't compile is as good as absent, as in GlusterFS.
 */
function compile(text: string): RegExp | undefined {
  if (text === 'none') return undefined;
  const source = text.replace(/\[(\^?)(\]?(?:\[:[a-z]+:\]|[^\]])*)\]/g, (_, not: string, body: string) => {
    const classes: string[] = [];
    const literal = body
      .replace(/\[:([a-z]+):\]/g, (_whole, name: string) => {
        classes.push(CLASSES[name] ?? '');
        return '';
      })
      .replace(/[\\\][^]/g, '\\$&');
    return `[${not}${literal}${classes.join('')}]`;
  });
  try {
    return new RegExp(source, 's');
  } catch {
    return undefined;
  }
}
