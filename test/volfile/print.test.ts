import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../src/errors.ts';
import { parseVolfile, printVolfile, type Volfile, type VolfileNode } from '../../src/volfile/index.ts';

/** Everything that means something to the grammar, and much that doesn't. */
const character = fc.oneof(
  fc.constantFrom('"', '\\', '`', '#', ' ', '\t', '\r', '\v', 'n', '/', "'", '\u00e9', '\udcff', '\u2028'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
);
const holdable = (text: string) => text !== '' && !/[\n\0]/.test(text);
const word = fc
  .oneof(
    fc.array(character, { minLength: 1, maxLength: 12 }).map((parts) => parts.join('')),
    fc.constantFrom(
      'volume',
      'type',
      'option',
      'subvolumes',
      'subvolumeS',
      'end-volume',
      '#',
      '"',
      '\\',
      '\\`',
      '`',
    ),
  )
  .filter(holdable);
const type = fc.constantFrom(
  'protocol/client',
  'cluster/distribute',
  'meta',
  'user/a-b_c.9',
  'volume',
  'type',
);

/** Graphs of up to eight nodes; each picks its subvolumes among the nodes before it. */
const model: fc.Arbitrary<Volfile> = fc
  .uniqueArray(word, { minLength: 1, maxLength: 8 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name, index) =>
        fc.record({
          name: fc.constant(name),
          type,
          options: fc.array(fc.tuple(word, word), { maxLength: 5 }).map((pairs) => new Map(pairs)),
          subvolumes: fc.subarray(names.slice(0, index)),
          line: fc.constant(0),
        }),
      ),
    ),
  )
  .map((nodes) => ({ nodes: nodes as VolfileNode[], top: nodes.at(-1)!.name }));

/** Order of options included, lines left out. */
function essence(volfile: Volfile): unknown {
  const nodes = volfile.nodes.map(({ name, type, options, subvolumes }) => ({
    name,
    type,
    options: [...options],
    subvolumes,
  }));
  return { nodes, top: volfile.top };
}

function node(over: Partial<VolfileNode> = {}): VolfileNode {
  return { name: 'a', type: 'x/y', options: new Map(), subvolumes: [], line: 0, ...over };
}

describe('printVolfile', () => {
  it('writes what glusterd writes, with quotes only where needed', () => {
    const options = new Map([
      ['remote-subvolume', '/bricks/0'],
      ['regex', '^\\.(.+)$'],
      ['note', 'two words'],
    ]);
    const nodes = [node({ options }), node({ name: 'b', subvolumes: ['a'] })];
    expect(printVolfile({ nodes, top: 'b' })).toBe(
      [
        'volume a',
        '    type x/y',
        '    option remote-subvolume /bricks/0',
        '    option regex "^\\\\.(.+)$"',
        '    option note "two words"',
        'end-volume',
        '',
        'volume b',
        '    type x/y',
        '    subvolumes a',
        'end-volume',
        '',
      ].join('\n'),
    );
  });

  it('is undone by parseVolfile, for every model that the grammar holds', () => {
    fc.assert(
      fc.property(model, (volfile) => {
        const text = printVolfile(volfile);
        const warnings: string[] = [];
        const parsed = parseVolfile(text, { onWarning: (problem) => warnings.push(problem) });
        expect(essence(parsed)).toEqual(essence(volfile));
        expect(warnings).toEqual([]);
        expect(printVolfile(parsed)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[string, VolfileNode[], string, string]>([
    ['no node', [], 'a', 'at least one volume'],
    ['a top that is not last', [node(), node({ name: 'b' })], 'a', "but the top is 'a'"],
    ['an unknown top', [node()], 'z', "but the top is 'z'"],
    ['a name that is used twice', [node(), node()], 'a', "volume 'a' is defined twice"],
    ['a subvolume from nowhere', [node({ subvolumes: ['z'] })], 'a', "'z', which is not defined"],
    [
      'a later subvolume',
      [node({ subvolumes: ['b'] }), node({ name: 'b' })],
      'b',
      "'b', which is not defined",
    ],
    ['a subvolume of itself', [node({ subvolumes: ['a'] })], 'a', "'a', which is not defined"],
    ['a subvolume twice', [node(), node({ name: 'b', subvolumes: ['a', 'a'] })], 'b', "'a' twice"],
    ['an empty name', [node({ name: '' })], '', 'empty'],
    ['an empty key', [node({ options: new Map([['', 'v']]) })], 'a', 'empty'],
    ['an empty value', [node({ options: new Map([['k', '']]) })], 'a', 'empty'],
    ['a line end', [node({ options: new Map([['k', 'v\nw']]) })], 'a', 'line end'],
    ['a NUL', [node({ options: new Map([['k\0', 'v']]) })], 'a', 'NUL'],
    ['a path for a type', [node({ type: 'a/../b' })], 'a', 'not CATEGORY/NAME'],
    ['an empty type', [node({ type: '' })], 'a', 'not CATEGORY/NAME'],
  ])('refuses %s', (_, nodes, top, problem) => {
    const print = () => printVolfile({ nodes, top });
    expect(print).toThrow(GlfsError);
    expect(print).toThrow(problem);
  });
});
