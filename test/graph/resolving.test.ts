import { describe, expect, it } from 'vitest';
import {
  type FopFunction,
  rootContext,
  Translator,
  type TranslatorSetup,
  toSubvolume,
} from '../../src/graph/index.ts';
import { type FopName, fopNames } from '../../src/protocol/fops.ts';
import { RecordingChild, recordingEnvironment } from '../helpers/recording-child.ts';

function setup(children: readonly RecordingChild[]): TranslatorSetup {
  return {
    name: 'subject',
    type: 'test/subject',
    children: children.map(({ subvolume }) => subvolume),
    options: {},
    rawOptions: new Map(),
    environment: recordingEnvironment(),
  };
}

/** Has a function for all fops but those that are left out, or refused. */
class Most extends Translator {
  constructor(
    children: readonly RecordingChild[],
    private readonly without: readonly FopName[],
    private readonly refused: readonly FopName[] = [],
  ) {
    super(setup(children));
  }
  override get refuses(): readonly FopName[] {
    return this.refused;
  }
  override own<K extends FopName>(fop: K): FopFunction<K> | undefined {
    if (this.without.includes(fop) || this.refused.includes(fop)) return undefined;
    return this.children.at(-1)![fop] as unknown as FopFunction<K>;
  }
}

const pair = () => [new RecordingChild('a'), new RecordingChild('b')] as const;
const context = rootContext();

describe('the operations of a translator', () => {
  it.each(fopNames)(
    'with several children that says nothing about %s: the build fails and names it',
    (fop) => {
      expect(() => toSubvolume(new Most(pair(), [fop]))).toThrow(
        expect.objectContaining({
          code: 'EINVAL',
          translator: 'subject',
          message: expect.stringContaining(`test/subject leaves ${fop} to chance`),
        }),
      );
    },
  );

  it('all that are left out are named at once', () => {
    expect(() => toSubvolume(new Most(pair(), ['read', 'rename']))).toThrow(
      /leaves (read, rename|rename, read) to/,
    );
  });

  it('with several children: refused ones are EOPNOTSUPP, and no child hears of them', async () => {
    const children = pair();
    const table = toSubvolume(new Most(children, [], ['statfs']));
    await expect(table.statfs({ loc: {} as never }, context)).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
    await table.stat({ loc: {} as never }, context);
    expect(children.map(({ fops }) => fops)).toEqual([[], ['stat']]);
  });

  it("with one child: what it says nothing about is the child's own function", () => {
    const child = new RecordingChild();
    const table = toSubvolume(new Most([child], fopNames));
    for (const fop of fopNames) expect(table[fop]).toBe(child.subvolume[fop]);
  });

  it('with no child: what it says nothing about is EOPNOTSUPP', async () => {
    const table = toSubvolume(new Most([], fopNames));
    await expect(table.stat({ loc: {} as never }, context)).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
      fop: 'stat',
    });
  });
});
