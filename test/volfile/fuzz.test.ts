import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseVolfile, printVolfile, VolfileError } from '../../src/volfile/index.ts';

const SEED_TEXT = `# a comment
volume v-client-0
    type protocol/client
    option remote-host "127.1.1.1"
    option remote-subvolume "/bricks/with \\"quotes\\" and
 a line end"
end-volume
volume v-dht
    type cluster/distribute \\
    option lock-migration off
    subvolumes v-client-0
end-volume
`;
const fragments = [
  'volume',
  'type',
  'option',
  'subvolumes',
  'end-volume',
  '"',
  '\\',
  '`',
  '#',
  '\n',
  ' ',
  '\0',
  'v-dht',
  'a/b',
  '\\`',
  '\udc80',
];

/** Cuts, doubles, swaps or inserts a piece. */
const mutation = fc.record({
  at: fc.nat(SEED_TEXT.length),
  cut: fc.oneof(fc.constant(0), fc.nat(40)),
  insert: fc.oneof(
    fc.constantFrom(...fragments),
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constantFrom(SEED_TEXT.slice(12, 60)),
  ),
});

/** Parses; anything but a VolfileError is a failure. What parses must also print and parse to the same text. */
function survives(text: string | Uint8Array): boolean {
  try {
    const printed = printVolfile(parseVolfile(text));
    expect(printVolfile(parseVolfile(printed))).toBe(printed);
    return true;
  } catch (error) {
    if (!(error instanceof VolfileError)) throw error;
    expect(error.line).toBeGreaterThan(0);
    expect(error.column).toBeGreaterThan(0);
    return false;
  }
}

describe('hostile volfiles', () => {
  it('mutated text parses or gives a VolfileError', () => {
    let parsed = 0;
    let refused = 0;
    const run = (text: string) => (survives(text) ? parsed++ : refused++);
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 6 }), (mutations) => {
        let text = SEED_TEXT;
        for (const { at, cut, insert } of mutations) text = text.slice(0, at) + insert + text.slice(at + cut);
        run(text);
      }),
      { numRuns: 5000 },
    );
    expect(parsed).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(100);
    expect(survives(SEED_TEXT)).toBe(true);
  });

  it('random bytes parse or give a VolfileError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void survives(bytes)),
      { numRuns: 2000 },
    );
  });

  it('a sequence of random words parses or gives a VolfileError', () => {
    const words = fc.array(fc.constantFrom(...fragments, 'a', 'b', 'x/y'), { maxLength: 60 });
    fc.assert(
      fc.property(words, (list) => void survives(list.join(' '))),
      { numRuns: 5000 },
    );
  });

  // Quadratic work on 4 million characters would take hours: the suite's time limit is the assertion.
  const N = 4_000_000;
  it.each([
    ['backslashes', () => '\\'.repeat(N)],
    ['backslashes before a backquote', () => `${'\\'.repeat(N + 1)}\``],
    ['escaped backquotes', () => '\\`'.repeat(N / 2)],
    ['an open quote', () => `volume "${'x'.repeat(N)}`],
    ['an open quote of escapes', () => `volume "${'\\"'.repeat(N / 2)}`],
    ['an open quote of lines', () => `volume "${'\n'.repeat(N)}`],
    ['empty quotes', () => '""'.repeat(N / 2)],
    ['comments', () => '#\n'.repeat(N / 2)],
    ['blanks and comments', () => ' #x\n'.repeat(N / 4)],
    ['one long word', () => 'x'.repeat(N)],
    [
      'volumes',
      () => Array.from({ length: N / 40 }, (_, i) => `volume v${i} type a/b end-volume\n`).join(''),
    ],
    [
      'subvolumes',
      () => {
        const names = Array.from({ length: 100_000 }, (_, i) => `v${i}`);
        const blocks = names.map((name) => `volume ${name} type a/b end-volume\n`).join('');
        return `${blocks}volume top type a/b subvolumes ${names.join(' ')} end-volume`;
      },
    ],
    ['repeated options', () => `volume a type b/c ${'option k v '.repeat(N / 20)} end-volume`],
  ])('takes linear time for %s', (_, make) => {
    survives(make());
  });
});
